"""What was disputed, as a record for people: where the lie was, who showed it, what it cost."""

from collections.abc import Iterable
from dataclasses import dataclass

from eth_utils import decode_hex

from collegium.chain import history
from collegium.chain.contracts import Contracts
from collegium.chain.history import Slash
from collegium.chain.reader import Reader
from collegium.chain.receipts import Event


@dataclass(frozen=True)
class Dispute:
    """A proposed merge that somebody disproved.

    Attributes:
        leaf, block: the 32 lanes that were shown: block 0 … 7 of this leaf of the state; ``None``
            if the proof came through another contract, whose calldata is its own.
        gas: what the transaction used.
        by: account of the challenger.
        root: the state root that was proposed.
        slashed: what it cost the proposer and those who attested.
        tx: hash of the transaction.
    """

    leaf: int | None
    block: int | None
    gas: int
    by: str
    root: bytes
    slashed: tuple[Slash, ...]
    tx: str


def read_disputes(contracts: Contracts, events: Iterable[Event], round_id: int) -> list[Dispute]:
    """The disputes of a round, in order.

    Args:
        events: of the federation, at least those of the round.
    """
    reader = Reader(contracts.chain, contracts.known)
    found = []
    for rejected in history.rejections(events, round_id):
        if rejected.challenger is None:
            continue
        leaf, block = _shown(contracts, reader.transaction(rejected.tx))
        gas = reader.receipt(rejected.tx).gas_used
        by, root = rejected.challenger, rejected.root
        found.append(Dispute(leaf, block, gas, by, root, rejected.slashed, rejected.tx))
    return found


def _shown(contracts: Contracts, transaction: dict[str, str]) -> tuple[int | None, int | None]:
    """Leaf and block that a transaction's proof was about."""
    if (transaction["to"] or "").lower() != contracts.disputes.address.lower():
        return None, None
    call = contracts.disputes.abi.decode_call(decode_hex(transaction["input"]))
    if call is None or call.name != "disputeMerge":
        return None, None
    proof = call.args["proof"]
    return int(proof["leaf"]), int(proof["block"])
