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

from collegium.tasks.task import Unused
from collegium.tasks.xray.data import Dataset, join
from collegium.tasks.xray.discovery import discover, unlisted
from collegium.tasks.xray.folder import read_folder
from collegium.tasks.xray.overlap import shared
from collegium.tasks.xray.recipe import Recipe

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
    """Sites by name, in the order of their names; ``challenge`` may be missing.

    ``unused`` and ``notices`` are those of :class:`collegium.tasks.task.SiteFolders`.
    """

    sites: dict[str, Dataset]
    challenge: Dataset | None
    reference: Dataset
    unused: tuple[Unused, ...] = ()
    notices: tuple[str, ...] = ()


def read_federation(root: Path | str) -> FederationData:
    """Read every site below ``root``, and the shared sets.

    Raises:
        DataError: of :func:`.discover`, or of ``read_folder`` for any of the folders.
    """
    found = discover(Path(root))
    folders = {**found.hospitals, **found.shared}
    sets = {name: read_folder(path) for name, path in folders.items()}
    unused = [*found.unused]
    for name, path in folders.items():
        if left := unlisted(sets[name], path):
            what = f"{len(left):,} images" if len(left) > 1 else "an image"
            unused.append(Unused(f"{name}/{left[0]}", f"{what} that no line of its metadata names"))
    return FederationData(
        sites={name: sets[name] for name in found.hospitals},
        challenge=sets.get("challenge"),
        reference=sets["reference"],
        unused=tuple(unused),
        notices=tuple(shared(sets)),
    )


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
