"""Disputed merges: which part was wrong, and how much gas it cost to prove it."""

from dataclasses import replace

from eth_utils.hexadecimal import decode_hex

from collegium.chain.contracts import Contracts
from collegium.chain.reader import Reader
from collegium.queries.rounds import ShownRejection, ShownRound


def with_places(contracts: Contracts, shown: ShownRound) -> ShownRound:
    """The same round, with place and gas of the proof added to each rejected merge."""
    return replace(shown, rejected=tuple(with_place(contracts, one) for one in shown.rejected))


def with_place(contracts: Contracts, rejection: ShownRejection) -> ShownRejection:
    """The same rejection with ``leaf``, ``block`` and ``gas``, from its transaction."""
    if rejection.tx is None:
        return rejection
    reader = Reader(contracts.chain, contracts.known)
    gas = reader.receipt(rejection.tx).gas_used
    if rejection.by is None:  # too few members signed it: there was no proof of a place
        return replace(rejection, gas=gas)
    leaf, block = _shown(contracts, reader.transaction(rejection.tx))
    return replace(rejection, gas=gas, leaf=leaf, block=block)


def _shown(contracts: Contracts, transaction: dict[str, str]) -> tuple[int | None, int | None]:
    """Leaf and block that a transaction proved wrong; None for both if it cannot be decoded."""
    # Another contract may have called the disputes contract; its call data has another form.
    if (transaction["to"] or "").lower() != contracts.disputes.address.lower():
        return None, None
    call = contracts.disputes.abi.decode_call(decode_hex(transaction["input"]))
    if call is None or call.name != "disputeMerge":
        return None, None
    proof = call.args["proof"]
    return int(proof["leaf"]), int(proof["block"])
