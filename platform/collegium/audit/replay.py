"""Every transaction to the contracts, executed again on the reference model of the protocol.

The model is a second implementation of the rules. It must accept and reject the same transactions
as the chain, and result in the same events with the same values. So every draw, median, weight,
payment, ledger root and claim in the chain's history is computed again.
"""

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from itertools import zip_longest
from typing import Any

from eth_abi.exceptions import DecodingError
from eth_utils.address import to_checksum_address
from eth_utils.hexadecimal import decode_hex

from collegium.audit.blocks import Block
from collegium.audit.deployment import Deployment
from collegium.audit.fields import number
from collegium.audit.index import Index
from collegium.audit.timeline import History
from collegium.audit.trail import DAMAGE, Trail, show
from collegium.audit.transfers import Transfers
from collegium.chain.abi import Abi, Call
from collegium.chain.parts import PARTS
from collegium.chain.shipped import artifact
from collegium.protocol.model.federation import (
    DISPUTES_CALLS,
    FEDERATION_CALLS,
    VAULT_CALLS,
    Federation,
)
from collegium.protocol.model.machine import Context, Event, Revert

Json = dict[str, Any]
Step = Callable[[Federation], list[Event]]
_MOVES_TOKENS = frozenset(("deposit", "withdraw", "claim", "register", "withdrawStake", "collect"))
_NAMES = {"federation": "Federation", **PARTS}
_CALLS = {"federation": FEDERATION_CALLS, "vault": VAULT_CALLS, "disputes": DISPUTES_CALLS}
_EARLY = frozenset(("deposit",))  # calls that the parts accept before the federation exists
_DEPTH = 4  # most nested calls: disputes, federation, steps, vault


class Replay:
    """Follows one federation from its deployment on.

    Attributes:
        model: the state of the contracts by the rules, after the blocks so far.
        history: the rounds so far.
    """

    def __init__(self, trail: Trail, index: Index, deployment: Deployment) -> None:
        self.trail, self.deployment = trail, deployment
        self.model = Federation(
            index.chain_id,
            index.federation,
            deployment.terms,
            deployment.struct["genesis"],
            deployment.admin,
        )
        self.history = History(self.model)
        made = {creation.contract for creation in deployment.creations.values()}
        # Before its creation an address has no code. A part that this bundle does not create is a
        # finding already, and counts as created.
        self._names = {at: name for name, at in deployment.addresses.items() if name not in made}
        self._abis = {name: artifact(title).abi for name, title in _NAMES.items()}
        self._transfers = Transfers(trail, deployment.token, deployment.addresses["vault"])

    def block(self, block: Block) -> None:
        """Execute the transactions of one block."""
        head, receipts = block
        # A missing receipt is a finding already.
        for tx, receipt in zip(head["transactions"], receipts, strict=False):
            record = f"transaction {tx.get('hash')}"
            self.trail.attempt("call", record, partial(self._follow, head, tx, receipt))

    # -- one transaction -------------------------------------------------------------------------

    def _follow(self, block: Json, tx: Json, receipt: Json) -> None:
        target = to_checksum_address(tx["to"]) if tx.get("to") else None
        if (creation := self.deployment.creations.get(tx["hash"])) is not None:
            self._names[creation.address] = creation.contract
            events = creation.events
        elif target in self._names:
            events = self._execute(block, tx, receipt, self._names[target])
        else:
            events = self._untouched(tx, receipt)
        self._compare(tx, receipt, events)
        self._transfers.check(tx, receipt, events)
        self.history.add(block, receipt, events, self._disputed(tx, target))
        self.trail.attempt("conservation", f"transaction {tx['hash']}", self._conserve)

    def _disputed(self, tx: Json, target: str | None) -> tuple[int, int] | None:
        """Leaf and block that a transaction disputes; None if it disputes none."""
        if self._names.get(target or "") != "disputes":
            return None
        call = _decode(self._abis["disputes"], decode_hex(tx["input"]))
        if call is None or call.name != "disputeMerge":
            return None
        return call.args["proof"]["leaf"], call.args["proof"]["block"]

    def _untouched(self, tx: Json, receipt: Json) -> list[Event]:
        """The events of a transaction to another contract, which must not call the federation."""
        if any(self._own(log) for log in receipt["logs"]):
            record = f"transaction {tx['hash']}"
            wanted = "calls to the contracts from the account that signs"
            found = f"a call through {tx.get('to')}, whose arguments no transaction shows"
            self.trail.violation("call", record, wanted, found)
        return []

    def _execute(self, block: Json, tx: Json, receipt: Json, contract: str) -> list[Event]:
        """Execute a call on the model; returns the events, and compares success or failure."""
        context = Context(
            sender=to_checksum_address(tx["from"]),
            time=number(block["timestamp"]),
            prevrandao=number(block["mixHash"]),
        )
        step = self._step(tx, receipt, contract, context)
        accepted = number(receipt["status"]) == 1
        # A call that failed on the chain must not change the model if it succeeds there.
        model = self.model if accepted else deepcopy(self.model)
        try:
            events = step(model)
        except Revert as refusal:
            if accepted:
                self._outcome(tx, f"failure: {show(str(refusal))}", "success")
            else:
                self.trail.expect("outcome", f"transaction {tx['hash']}", "failure", "failure")
            return []
        except DAMAGE as error:
            found = f"{type(error).__name__}: {error}"
            self._outcome(tx, "a call that the rules can follow", found)
            return []
        if accepted:
            self.trail.expect("outcome", f"transaction {tx['hash']}", "success", "success")
            return events
        self._refused_without_rule(tx, receipt, contract)
        return []

    def _step(self, tx: Json, receipt: Json, contract: str, context: Context) -> Step:
        """The transaction as a call of the model."""
        abi = self._abis[contract]
        call = _decode(abi, decode_hex(tx["input"]))
        if number(tx["value"]) or call is None:  # no function is payable
            return _refuse("no such function, bad arguments, or coins sent along")
        if call.name == "deposit" and number(receipt["status"]):
            arrived = self._transfers.arrived(tx, receipt, call.args["amount"])
            call.args["amount"] = arrived
        calls = _CALLS.get(contract, frozenset())
        if call.name in (calls if self._created else calls & _EARLY):
            # In Solidity "round" is the name of a function.
            arguments = {"round" if k == "roundId" else k: v for k, v in call.args.items()}
            return lambda model: model.call(context, call.name, **arguments)
        if abi.functions[call.name]["stateMutability"] in ("view", "pure"):
            return lambda model: []
        return _refuse(f"{call.name} can only be called by the contracts, or later")

    @property
    def _created(self) -> bool:
        return "federation" in self._names.values()

    def _refused_without_rule(self, tx: Json, receipt: Json, contract: str) -> None:
        """The chain rejected what the rules allow: for lack of gas or tokens, or wrongly."""
        record = f"transaction {tx['hash']}"
        # A call that runs out of gas leaves its caller a 64th (EIP-150), at each level.
        if number(receipt["gasUsed"]) * 64 >= number(tx["gas"]) * (64 - _DEPTH):
            self.trail.skip(f"why {record} failed", "it used up its gas")
            return
        call = _decode(self._abis[contract], decode_hex(tx["input"]))
        if call is not None and call.name in _MOVES_TOKENS:
            self.trail.skip(f"why {record} failed", f"the token may have rejected {call.name}")
            return
        self._outcome(tx, "success", "failure")

    def _outcome(self, tx: Json, expected: str, found: str) -> None:
        self.trail.violation("outcome", f"transaction {tx['hash']}", expected, found)

    # -- events ----------------------------------------------------------------------------------

    def _compare(self, tx: Json, receipt: Json, expected: list[Event]) -> None:
        """Compare the events in the receipt with those of the rules."""
        found = [log for log in receipt["logs"] if self._own(log)]
        for position, (wanted, log) in enumerate(zip_longest(expected, found)):
            place = f"event {position} of transaction {tx['hash']}"
            if log is not None:
                place = f"event {number(log['logIndex'])} of block {number(log['blockNumber'])}"
            if wanted is None:
                self.trail.violation("event", place, "no event", self._name(log))
            elif log is None:
                self.trail.violation("event", f"{wanted.name}, {place}", wanted.args, "no event")
            else:
                self._compare_event(place, wanted, log)

    def _compare_event(self, place: str, wanted: Event, log: Json) -> None:
        record = f"{wanted.name}, {place}"
        contract = self._own(log)
        event = self.trail.attempt("event", record, lambda: self._decode_log(log))
        if event is None:
            return
        title = f"{wanted.contract}.{wanted.name}"
        if not self.trail.expect("event", record, title, f"{contract}.{event.name}"):
            return
        self.trail.expect("event", f"{record}, fields", sorted(wanted.args), sorted(event.args))
        for name, value in event.args.items():
            self.trail.expect("event", f"{record}, {name}", wanted.args.get(name), value)

    def _decode_log(self, log: Json) -> Call:
        topics = [decode_hex(topic) for topic in log["topics"]]
        event = self._abis[self._own(log) or ""].decode_event(topics, decode_hex(log["data"]))
        if event is None:
            raise ValueError(f"an event unknown to the contract, topic {log['topics'][:1]}")
        return event

    def _name(self, log: Json) -> str:
        try:
            return self._decode_log(log).name
        except DAMAGE:
            return f"an unknown event of {log['address']}"

    def _own(self, log: Json) -> str | None:
        return self._names.get(to_checksum_address(log["address"]))

    def _conserve(self) -> None:
        self.model.vault.verify_conservation()


def _decode(abi: Abi, data: bytes) -> Call | None:
    """The call in calldata; None if the contract could not decode it."""
    try:
        return abi.decode_call(data)
    except (DecodingError, OverflowError, ValueError):
        return None


def _refuse(reason: str) -> Step:
    def step(model: Federation) -> list[Event]:
        raise Revert("Unreadable", reason=reason)

    return step
