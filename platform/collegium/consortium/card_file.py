"""The task card as people write it: one TOML file.

It leaves out everything that can be computed; :mod:`.creation` adds the digests. Amounts are in
tokens, as texts or whole numbers, because binary fractions are not exact.
"""

import contextlib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Self

from collegium.errors import BadCard
from collegium.protocol import amounts
from collegium.protocol.addresses import checked
from collegium.protocol.card import Limits, Scoring
from collegium.protocol.rules.merging import MEAN, MERGE_RULES
from collegium.protocol.rules.shares import PAY_RULES, WEIGHT_RULES
from collegium.protocol.rules.table import named
from collegium.protocol.terms import Terms
from collegium.tasks import registry
from collegium.tasks.task import Recipe

_TOP = {"name", "task", "challenge", "token", "deposit", "version"}
_TOP |= {"recipe", "limits", "scoring", "terms"}
_WINDOWS = ("commit", "score", "reveal", "merge", "challenge")
_PARAMETERS = {rule.parameter_name for rule in MERGE_RULES} - {""}
_TERMS = {"reward", "stake", "shares", "committee", "min_updates"}
_TERMS |= {"merge_rule", "pay_rule", "weight_rule", *_PARAMETERS}
_TERMS |= {f"{name}_window" for name in _WINDOWS}
_OFFENCES = ("unrevealed", "invalid", "merge", "attestation", "equivocation")
_USUAL = {"min_score", "dispute_window", "unbonding"}
_USUAL |= {f"{name}_penalty" for name in _OFFENCES}
_LIMITS = {"norm", "cosine", "epsilon"}
_SCORING = {"estimator", "samples"}


@dataclass(frozen=True)
class CardFile:
    """A parsed card file.

    Attributes:
        name, task, version: as on the task card.
        challenge: folder of the challenge set.
        token: address of the ERC-20 of rewards and stakes; empty deploys one (local chains).
        deposit: token units to pay into escrow at creation.
        recipe, limits, scoring, terms: as on the task card.
    """

    name: str
    task: str
    version: int
    challenge: Path
    token: str
    deposit: int
    recipe: Recipe
    limits: Limits
    scoring: Scoring
    terms: Terms

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a card file; folders in it are relative to it.

        Raises:
            BadCard: the file is missing or not TOML, or a name or value in it is invalid.
            BadAddress: the token is not a usable address.
        """
        try:
            fields = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BadCard(
                expected=f"a task card in TOML at {path}",
                found=f"{type(error).__name__}: {error}",
                action="Correct the file, or use another; `collegium explain CG503` shows one.",
            ) from error
        _known("the card", fields, _TOP)
        for name in ("name", "challenge"):
            if not isinstance(fields.get(name), str):
                _fail(name, "a text", fields.get(name))
        task = fields.get("task", registry.DEFAULT)
        if not isinstance(task, str):
            _fail("task", "a text", task)
        token = fields.get("token", "")
        recipe = registry.task_kind(task).recipe(fields.get("recipe", {}))
        limits = _known("limits", fields.get("limits", {}), _LIMITS)
        if not {"norm", "cosine"} <= limits.keys():
            _fail("limits", "norm and cosine", ", ".join(limits) or "nothing")
        return cls(
            name=fields["name"],
            task=task,
            version=fields.get("version", 1),
            challenge=(path.parent / fields["challenge"]).resolve(),
            token=checked(token, "'token' on the card") if token != "" else "",
            deposit=_amount("deposit", fields.get("deposit", "0")),
            recipe=recipe,
            limits=Limits(**limits),
            scoring=Scoring(**_known("scoring", fields.get("scoring", {}), _SCORING)),
            terms=_terms(_known("terms", fields.get("terms", {}), _TERMS | _USUAL)),
        )


def _terms(fields: dict[str, Any]) -> Terms:
    shares = fields.get("shares", [8_500, 1_000, 500])
    if not isinstance(shares, list) or len(shares) != 3:
        _fail("terms.shares", "basis points for nodes, validators and aggregator", shares)
    return Terms.usual(
        reward=_amount("terms.reward", fields.get("reward")),
        stake=_amount("terms.stake", fields.get("stake", "0")),
        node_share=shares[0],
        validator_share=shares[1],
        aggregator_share=shares[2],
        committee=fields.get("committee", 3),
        min_updates=fields.get("min_updates", 2),
        **{f"{name}_window": fields.get(f"{name}_window", 3_600) for name in _WINDOWS},
        # Terms.usual has defaults for these; a card names only those that it changes.
        **{name: fields[name] for name in _USUAL if name in fields},
        **_rules(fields),
    )


def _rules(fields: dict[str, Any]) -> dict[str, int]:
    """The numbers of the rules that a card names; what it leaves out is as usual."""
    rules = {
        name: named(f"terms.{name}", table, fields[name]).id
        for name, table in (("weight_rule", WEIGHT_RULES), ("pay_rule", PAY_RULES))
        if name in fields
    }
    merge = named("terms.merge_rule", MERGE_RULES, fields.get("merge_rule", MEAN.name))
    for name in _PARAMETERS & fields.keys() - {merge.parameter_name}:
        _fail(f"terms.{name}", f"left out with merge_rule {merge.name!r}", fields[name])
    if not merge.parameter_name:
        return rules | {"merge_rule": merge.id}
    if merge.parameter_name not in fields:
        low, high = merge.bounds
        _fail(f"terms.{merge.parameter_name}", f"an integer from {low} to {high}", None)
    return rules | {"merge_rule": merge.id, "merge_parameter": fields[merge.parameter_name]}


def _amount(name: str, value: object) -> int:
    # True is an int in Python, but not an amount.
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(text, str):
        with contextlib.suppress(ValueError):
            return amounts.parse(text)
    _fail(name, 'tokens, as in "12.5" or 12', value)


def _known(where: str, fields: object, names: set[str]) -> dict[str, Any]:
    if not isinstance(fields, dict):
        _fail(where, "a table", fields)
    if unknown := sorted(set(fields) - names):
        _fail(where, f"names among {', '.join(sorted(names))}", ", ".join(unknown))
    return fields


def _fail(name: str, expected: str, found: object) -> NoReturn:
    raise BadCard(
        expected=f"{name} to be {expected}",
        found="nothing" if found is None else repr(found)[:80],
        action="Correct the card file.",
    )
