"""Task card: everything the members of a federation agree on before the first round.

Its digest is in the contract. Anyone who has the card knows what is trained, on which base model,
how usefulness is measured, which updates are rejected and who is paid what.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Self

from collegium.errors import BadCard, ModelMismatch
from collegium.protocol.canonical import canonical_json, parse_canonical
from collegium.protocol.digest import sha256
from collegium.protocol.fields import Check
from collegium.protocol.layout import Layout
from collegium.protocol.terms import Terms
from collegium_incentives import AUTO, ESTIMATORS, NAMES

_FORMAT = "collegium-card/2"
_check = Check("task card", BadCard)


@dataclass(frozen=True)
class Limits:
    """Bounds that a validator checks before it measures usefulness.

    Attributes:
        norm: largest L2 norm of an update, in parameter units.
        cosine: similarity from which two updates count as one contribution.
        epsilon: largest privacy budget that a node can declare as spent; None if privacy is not
            required.
    """

    norm: float
    cosine: float
    epsilon: float | None = None

    def __post_init__(self) -> None:
        _check.number("limits.norm", self.norm, 0)
        _check.number("limits.cosine", self.cosine, 0, 1)
        if self.epsilon is not None:
            _check.number("limits.epsilon", self.epsilon, 0)


@dataclass(frozen=True)
class Scoring:
    """How a validator estimates what each update contributed.

    Attributes:
        estimator: a name of the table in ``collegium_incentives.estimators``.
        samples: how many samples the estimator takes; the table says what one sample is. 0 selects
            the estimator's default.
    """

    estimator: str = AUTO
    samples: int = 0

    def __post_init__(self) -> None:
        _check.one_of("scoring.estimator", self.estimator, NAMES)
        known = ESTIMATORS.get(self.estimator)  # "auto" is not in the table: it takes no number
        _check.integer("scoring.samples", self.samples, 0, known.most_samples if known else 0)


@dataclass(frozen=True)
class TaskCard:
    """What the members agreed on; the contract has its digest.

    Attributes:
        name: title of the federation, for people.
        task: name of the task implementation.
        layout, base_model, challenge, genesis: SHA-256 of the layout, of the base model and of
            the challenge set, and the root of the first state; 64 hexadecimal digits each.
        metric: name of the measure in which quality is reported.
        recipe: training hyper-parameters, JSON values by name.
        limits: bounds on updates.
        scoring: how contributions are estimated.
        terms: money, committee and deadlines.
        version: number of this card among the cards of a consortium, from 1.
    """

    name: str
    task: str
    layout: str
    base_model: str
    challenge: str
    genesis: str
    metric: str
    recipe: dict[str, Any]
    limits: Limits
    terms: Terms
    scoring: Scoring = Scoring()
    version: int = 1

    def __post_init__(self) -> None:
        for name in ("name", "task", "metric"):
            _check.text(name, getattr(self, name))
        for name in ("layout", "base_model", "challenge", "genesis"):
            _check.digest(name, getattr(self, name))
        if not isinstance(self.recipe, dict):
            _check.fail("recipe", "an object", self.recipe)
        _check.integer("version", self.version, 1, 2**31 - 1)
        self._check_scoring()

    def _check_scoring(self) -> None:
        """Only under a weighted sum may an estimator ask for parts of updates."""
        estimator, rule = ESTIMATORS.get(self.scoring.estimator), self.terms.merging
        if estimator is not None and estimator.fractions and not rule.linear:
            whole = "auto, exact, sampled or another that asks for whole updates"
            reason = f"merge rule {rule.name!r} has no meaning for part of an update"
            _check.fail("scoring.estimator", f"{whole}: {reason}", self.scoring.estimator)

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the canonical document; `Terms.card` in the contract."""
        return sha256(self.encode())

    def to_json(self) -> dict[str, Any]:
        """The document as JSON values; inverse of :meth:`from_json`."""
        return {"format": _FORMAT, **asdict(self), "terms": self.terms.to_json()}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """The card that a document describes; raises BadCard."""
        found = document.get("format") if isinstance(document, Mapping) else document
        _check.one_of("format", found, (_FORMAT,))  # first, as another format has other fields
        fields = _check.keys(document, ("format", *cls.__dataclass_fields__))
        del fields["format"]
        limits = _check.keys(fields.pop("limits"), Limits.__dataclass_fields__)
        terms = Terms.from_json(fields.pop("terms"))
        scoring = _check.keys(fields.pop("scoring"), Scoring.__dataclass_fields__)
        return cls(**fields, limits=Limits(**limits), terms=terms, scoring=Scoring(**scoring))

    def encode(self) -> bytes:
        """The canonical document; raises NotCanonical if the recipe has no JSON form."""
        return canonical_json(self.to_json())

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a canonical document; raises NotCanonical or BadCard."""
        return cls.from_json(parse_canonical(data))


def require_agreed(card: TaskCard, layout: Layout, struct: Mapping[str, Any]) -> None:
    """Check that a federation's contract says what the card says.

    Args:
        struct: the contract's Terms by Solidity name, with ``card`` and ``genesis``.

    Raises:
        ModelMismatch: card, layout, or a number in the terms is not that of the federation.
    """
    _same("task card", card.digest.hex(), bytes(struct["card"]).hex())
    _same("layout", layout.digest.hex(), card.layout)
    for name, value in card.terms.to_struct(card.digest, bytes.fromhex(card.genesis)).items():
        _same(f"task card ({name})", value, struct[name])


def _same(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise ModelMismatch(
            expected=f"the {what} of the federation, {_shown(expected)}",
            found=_shown(found),
            action="Ask the sponsor for the card and the layout of this federation.",
        )


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
