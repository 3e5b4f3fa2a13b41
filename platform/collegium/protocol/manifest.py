"""Manifest: everything a node says about its update, in one canonical document.

It names federation, chain, round, node and base state, so the digest over it and the lanes is
valid nowhere else: a copied or replayed digest is an invalid update. Sample count, privacy and
planning are the node's own declarations and have no effect on the merge.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Self

from collegium.errors import BadManifest
from collegium.protocol import digest
from collegium.protocol.canonical import SAFE_INTEGER, canonical_json, parse_canonical
from collegium.protocol.codec import BITS
from collegium.protocol.fields import Check

MAX_MANIFEST = 8192
"""Longest manifest, in bytes."""

_FORMAT = "collegium-update/1"
_check = Check("manifest", BadManifest)
_check_privacy = Check("manifest privacy", BadManifest)


@dataclass(frozen=True)
class Privacy:
    """Differential privacy as the node accounts for it.

    Attributes:
        clip: L2 bound on one example's gradient.
        noise: noise multiplier, standard deviation over ``clip``.
        epsilon, delta: guarantee spent up to and including this round.
    """

    clip: float
    noise: float
    epsilon: float
    delta: float

    def __post_init__(self) -> None:
        for name in ("clip", "noise", "epsilon"):
            _check_privacy.number(name, getattr(self, name), 0)
        _check_privacy.number("delta", self.delta, 0, 1)


@dataclass(frozen=True)
class Manifest:
    """One node's update for one round, described.

    Attributes:
        federation: address of the contract, EIP-55.
        chain_id: chain the contract lives on.
        round: round id.
        node: account of the node, EIP-55.
        base: root of the state that the delta starts from, 64 hexadecimal digits.
        layout: digest of the layout, 64 hexadecimal digits.
        bits: code width.
        lane_root: root over the leaves of the update, 64 hexadecimal digits.
        samples: examples trained on, declared.
        privacy: declared guarantee, if any.
        planning: digest of the record that chose ``bits``, 64 hexadecimal digits, if any.

    Raises:
        BadManifest: a field is out of range.
    """

    federation: str
    chain_id: int
    round: int
    node: str
    base: str
    layout: str
    bits: int
    lane_root: str
    samples: int
    privacy: Privacy | None = None
    planning: str | None = None

    def __post_init__(self) -> None:
        _check.address("federation", self.federation)
        _check.integer("chain_id", self.chain_id, 1, SAFE_INTEGER)
        _check.integer("round", self.round, 1, SAFE_INTEGER)
        _check.address("node", self.node)
        _check.digest("base", self.base)
        _check.digest("layout", self.layout)
        _check.one_of("bits", self.bits, BITS)
        _check.digest("lane_root", self.lane_root)
        _check.integer("samples", self.samples, 0, SAFE_INTEGER)
        if self.planning is not None:
            _check.digest("planning", self.planning)

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the canonical document."""
        return digest.sha256(self.encode())

    @property
    def update_digest(self) -> bytes:
        """The 32 bytes that the node commits to and signs."""
        return digest.update_digest(self.digest, bytes.fromhex(self.lane_root))

    def to_json(self) -> dict[str, Any]:
        """The document as JSON values; inverse of :meth:`from_json`."""
        return {"format": _FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """The manifest that a document describes; raises BadManifest."""
        fields = _check.keys(document, ("format", *cls.__dataclass_fields__))
        _check.one_of("format", fields.pop("format"), (_FORMAT,))
        return cls(**fields | {"privacy": _privacy(fields["privacy"])})

    def encode(self) -> bytes:
        """The canonical document."""
        return canonical_json(self.to_json())

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a canonical document; raises NotCanonical or BadManifest."""
        return cls.from_json(parse_canonical(data, MAX_MANIFEST))


def _privacy(document: object) -> Privacy | None:
    if document is None:
        return None
    fields: Mapping[str, Any] = _check_privacy.keys(document, Privacy.__dataclass_fields__)
    return Privacy(**fields)
