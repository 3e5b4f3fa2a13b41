"""What the contracts report about themselves, as plain records."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from collegium.protocol.membership import FOREVER
from collegium.protocol.model.round import Phase

_CAPITAL = re.compile(r"(?<!^)([A-Z])")  # but not the first letter


class _FromContract:
    @classmethod
    def from_contract(cls, values: Mapping[str, Any]) -> Self:
        """From a decoded struct, whose field names are in camelCase."""
        snake = {_CAPITAL.sub(r"_\1", name).lower(): value for name, value in values.items()}
        names = {field.name for field in fields(cls)}  # type: ignore[arg-type]
        return cls(**{name: value for name, value in snake.items() if name in names})


@dataclass(frozen=True)
class Node(_FromContract):
    """A registered node.

    Attributes:
        id: 1, 2, 3, … in order of registration; never reused.
        account: owner, EIP-55; receives pay.
        signer: hot key for updates and votes, EIP-55.
        seat: 0 … 255; reused after a node leaves.
        active_from, active_until: rounds; active in round r iff from <= r < until.
        encryption_key: X25519 public key, 32 bytes.
        transport_key: digest of its transport public key, 32 bytes.
    """

    id: int
    account: str
    signer: str
    seat: int
    active_from: int
    active_until: int
    encryption_key: bytes
    transport_key: bytes

    def active_in(self, round_id: int) -> bool:
        """Whether the node takes part in a round."""
        return self.active_from <= round_id < self.active_until

    @property
    def left(self) -> bool:
        """Whether it has left, and takes part in no round after the live one."""
        return self.active_until != FOREVER


@dataclass(frozen=True)
class Round(_FromContract):
    """The newest round, as it is at the time of the block that was read.

    Attributes:
        id: 1, 2, 3, …; 0 before the first.
        phase: in Draw and Settle, that step can be done now.
        cancellable: too few updates or scores by the deadline; ``advance`` cancels it.
        deadline: Unix time when the phase ends; 0 if nothing is awaited.
        members, committed: bitmaps of seats.
        updates: number of updates committed.
        accumulator: hash chain over (id, digest) in commit order.
        aggregator: node id; 0 before the draw.
        sealed_slots, revealed_slots, attested_slots: bitmaps of committee slots.
        outcome: hash over the accepted updates; zero before settlement.
        proposer: node id; 0 before a proposal.
        proposal: proposed state root.
        rejected: proposals rejected so far in this round.
    """

    id: int
    phase: Phase
    cancellable: bool
    deadline: int
    members: int
    committed: int
    updates: int
    accumulator: bytes
    aggregator: int
    sealed_slots: int
    revealed_slots: int
    attested_slots: int
    outcome: bytes
    proposer: int
    proposal: bytes
    rejected: int

    def __post_init__(self) -> None:
        # The contract returns a number; a frozen dataclass must be set like this.
        object.__setattr__(self, "phase", Phase(self.phase))


@dataclass(frozen=True)
class Escrow:
    """The vault's books, in token units; ``ledger_root`` covers all totals ever earned.

    Stakes are kept apart from the escrow, and so are slashed stakes: ``owed`` to the accounts that
    reported the offence, or ``forfeited`` until someone recycles them into the escrow.
    """

    deposited: int
    withdrawn: int
    free: int
    reserved: int
    earned: int
    claimed: int
    staked: int
    owed: int
    forfeited: int
    ledger_root: bytes

    @property
    def conserved(self) -> bool:
        """Whether every unit ever deposited is accounted for."""
        return self.earned + self.reserved + self.free == self.deposited - self.withdrawn
