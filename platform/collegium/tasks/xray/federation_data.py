"""A folder that holds a whole federation's data: one folder per site, and what is shared.

``reference`` is the test set that model quality is reported on; no node trains on it or scores
with it. ``challenge`` is what committees score contributions with, besides their own held-back
examples; where a data folder has none, every site contributes to one (``contribute``).
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collegium.errors import EmptySite, MissingMetadata
from collegium.tasks.xray.data import Dataset, join
from collegium.tasks.xray.folder import METADATA, read_folder
from collegium.tasks.xray.recipe import Recipe

SHARED = ("challenge", "reference")

# Gentler, and shorter: after two rounds hardly anything is left that a node could contribute.
CLOSED_QUESTIONS: dict[str, Any] = {
    "rounds": 2,
    "local_steps": 40,
    "learning_rate": 1e-3,
    "decay": 1.0,
    "balance": 0.0,
    "step": 1.5,
    "step_decay": 1.0,
    "preserve": 0.0,
    "challenge_rows": 96,
}


@dataclass(frozen=True)
class FederationData:
    """Sites by name, in the order of their names; ``challenge`` may be missing."""

    sites: dict[str, Dataset]
    challenge: Dataset | None
    reference: Dataset


def read_federation(root: Path | str) -> FederationData:
    """Read every site below ``root``, and the shared sets.

    Raises:
        MissingMetadata: ``root`` is no folder, or there is no ``reference``.
        EmptySite: there is no site folder.
        DataError: of ``read_folder``, for any of the folders.
    """
    root = Path(root)
    if not (root / "reference").is_dir():
        raise MissingMetadata(
            expected=f"a folder of folders with a test set at {root / 'reference'}",
            found="no such folder",
            action="Give one folder per site and one called reference, each with a metadata.jsonl.",
        )
    folders = {path.name: path for path in sorted(root.iterdir()) if (path / METADATA).is_file()}
    sites = {name: read_folder(path) for name, path in folders.items() if name not in SHARED}
    if not sites:
        raise EmptySite(
            expected=f"at least one site folder with a {METADATA} in {root}",
            found="only shared folders",
            action="Add one folder per site.",
        )
    challenge = read_folder(folders["challenge"]) if "challenge" in folders else None
    return FederationData(sites, challenge, read_folder(root / "reference"))


def contribute(
    sites: Mapping[str, Dataset], rows: int, seed: int
) -> tuple[Dataset, dict[str, Dataset]]:
    """A challenge set to which every site gives an equal part, and what the sites keep.

    A patient given to the challenge set is gone from its site. At most a quarter of a site's
    examples are given; the result is balanced over questions and answers.
    """
    per_site = -(-rows // len(sites))
    given, kept = [], {}
    for name, site in sites.items():
        share = min(0.25, 3 * per_site / len(site))  # three to choose one from, to balance
        kept[name], candidates = site.split(share, salt="challenge")
        given.append(candidates.balanced(per_site, seed))
    return join(given, "challenge"), kept


def scoring_set(held_out: Dataset, challenge: Dataset, recipe: Recipe, seed: int) -> Dataset:
    """What one validator scores with in one round: its own held-back examples and the challenge.

    Each validator and round (``seed``) takes other rows of the challenge set, so that a committee
    together sees more of it than any member does, and the median of their scores is steadier.
    """
    own = held_out.balanced(recipe.shard_rows, seed)
    return join([own, challenge.sampled(recipe.challenge_rows, seed)], "scoring")


def recipe_for(sites: Mapping[str, Dataset]) -> Recipe:
    """A recipe that fits the questions: gentler where each has two answers at most.

    Such questions are learnt in fewer steps. At the rate that suits open questions a first round
    would learn nearly all there is, and nothing useful would be left to contribute in the others.
    """
    answers: dict[str, set[str]] = defaultdict(set)
    for site in sites.values():
        for example in site.examples:
            answers[example.question].add(example.answer.strip().casefold())
    if max(map(len, answers.values())) > 2:
        return Recipe()
    return Recipe(**CLOSED_QUESTIONS)
