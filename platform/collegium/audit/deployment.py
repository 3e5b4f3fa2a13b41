"""How the federation was created: transactions, code, terms and roles.

The address of a contract follows from its creator, and the creating transaction contains its code
and arguments. The federation's arguments name its parts. So code and arguments of all of them are
compared byte for byte with the shipped code and the agreed terms, without asking any server.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from eth_utils.hexadecimal import decode_hex

from collegium.audit.blocks import Block
from collegium.audit.fields import number
from collegium.audit.index import BLOCKS, CONTRACTS, Index
from collegium.audit.trail import Trail
from collegium.chain.parts import PARTS, Plan, created_address
from collegium.chain.shipped import artifact
from collegium.protocol.model.access import ADMIN, COORDINATOR, COUNCIL, PAUSER
from collegium.protocol.model.machine import Contract, Event
from collegium.protocol.terms import Terms

Json = dict[str, Any]
# Words of the constructor's arguments: terms with card and genesis, token, admin, parts.
_ARGUMENTS = 32 * (len(Terms.__dataclass_fields__) + 2 + 2 + len(PARTS))


@dataclass(frozen=True)
class Creation:
    """A transaction that creates a contract: name, address, and its events by the rules."""

    contract: Contract
    address: str
    events: list[Event]


@dataclass(frozen=True)
class Deployment:
    """The constructor's arguments and what follows from them.

    Attributes:
        struct: the contract's Terms by Solidity name, with ``card`` and ``genesis``.
        terms: the same numbers for the reference model.
        token, admin: EIP-55 addresses.
        addresses: EIP-55 address of the federation and of each part, by name.
        creations: what was created, by hash of the creating transaction.
        block, time: block number and Unix time of the federation's creation.
    """

    struct: dict[str, Any]
    terms: Terms
    token: str
    admin: str
    addresses: dict[Contract, str]
    creations: dict[str, Creation]
    block: int
    time: int


class Search:
    """Looks through the first blocks of a bundle for the creation of a federation and its parts.

    Attributes:
        blocks: all blocks up to the federation's creation, reduced to the transactions that concern
            it; they are replayed once its terms are known.
    """

    def __init__(self, trail: Trail, index: Index) -> None:
        self.trail, self.index = trail, index
        self.blocks: list[Block] = []
        self._created: dict[str, tuple[Json, Json]] = {}  # transaction and receipt by new address
        self._ours = {getattr(index, name).lower() for name in (*CONTRACTS, "token")}

    def block(self, block: Block) -> Deployment | None:
        """Search the next block; returns the deployment if the federation is created in it."""
        head, receipts = block
        pairs = [
            (tx, receipt)
            # A missing receipt is a finding already.
            for tx, receipt in zip(head["transactions"], receipts, strict=False)
            if self._concerns(tx, receipt)
        ]
        kept = head | {"transactions": [tx for tx, _ in pairs]}
        self.blocks.append((kept, [receipt for _, receipt in pairs]))
        for tx, receipt in pairs:
            if tx.get("to") is None:
                self._created[_creates(tx)] = tx, receipt
        found = self._created.get(self.index.federation)
        return None if found is None else self._read(head, *found)

    def failed(self) -> None:
        """Report that the bundle ended before the federation was created."""
        wanted = f"a transaction that creates {self.index.federation}"
        self.trail.violation("deployment", BLOCKS, wanted, "none")

    def _concerns(self, tx: Json, receipt: Json) -> bool:
        target = tx.get("to")
        named = [_creates(tx) if target is None else target]
        named += [log["address"] for log in receipt["logs"]]
        return not self._ours.isdisjoint(map(str.lower, named))

    def _read(self, block: Json, tx: Json, receipt: Json) -> Deployment:
        trail, index, shipped = self.trail, self.index, artifact("Federation")
        record, data = f"transaction {tx['hash']}", decode_hex(tx["input"])
        code, arguments = data[:-_ARGUMENTS], data[-_ARGUMENTS:]
        struct, token, admin, parts = shipped.abi.decode_constructor(arguments).values()
        plan = Plan(index.federation, struct, token, admin, parts)
        trail.expect("deployment", f"{record}, status", 1, number(receipt["status"]))
        wanted = shipped.bytecode, shipped.abi.encode_constructor(*plan.own_arguments())
        _compare(trail, record, wanted, (code, arguments))
        for name, address in (parts | {"token": token}).items():
            trail.expect("deployment", f"{record}, {name}", address, getattr(index, name))
        creations = {tx["hash"]: _federation(plan, to_checksum_address(tx["from"]))}
        for part in PARTS:
            check = partial(self._part, plan, part)
            trail.attempt("deployment", f"the creation of the {part}", check)
            if (made := self._created.get(parts[part])) is not None:
                creations[made[0]["hash"]] = _part(plan, part)
        return Deployment(
            struct=struct,
            terms=Terms.from_struct(struct),
            token=token,
            admin=admin,
            addresses={"federation": index.federation, **parts},
            creations=creations,
            block=number(block["number"]),
            time=number(block["timestamp"]),
        )

    def _part(self, plan: Plan, part: str) -> None:
        """Check the transaction that created a part."""
        address = plan.parts[part]
        if address not in self._created:
            wanted = f"a transaction that creates the {part} at {address}"
            self.trail.violation("deployment", BLOCKS, wanted, "none")
            return
        tx, receipt = self._created[address]
        record, data = f"transaction {tx['hash']}, {part}", decode_hex(tx["input"])
        self.trail.expect("deployment", f"{record}, status", 1, number(receipt["status"]))
        made, size = plan.creation(part), len(artifact(PARTS[part]).bytecode)
        _compare(self.trail, record, (made[:size], made[size:]), (data[:size], data[size:]))


def _creates(tx: Json) -> str:
    return created_address(tx["from"], number(tx["nonce"]))


def _compare(
    trail: Trail, record: str, wanted: tuple[bytes, bytes], found: tuple[bytes, bytes]
) -> None:
    """Compare creation code and constructor arguments with the shipped and the agreed ones."""
    trail.expect("code", f"{record}, creation code", keccak(wanted[0]), keccak(found[0]))
    trail.expect("code", f"{record}, constructor arguments", wanted[1], found[1])


def _part(plan: Plan, part: str) -> Creation:
    name: Any = part
    bound = Event(name, "Bound", {"federation": plan.federation})
    return Creation(name, plan.parts[part], [bound])


def _federation(plan: Plan, sender: str) -> Creation:
    """The constructor's events: OpenZeppelin's part grants the administrator's role first."""
    created = Event("federation", "FederationCreated", {"token": plan.token, **plan.parts})
    first, *others = (
        Event("federation", "RoleGranted", {"role": role, "account": plan.admin, "sender": sender})
        for role in (ADMIN, COUNCIL, COORDINATOR, PAUSER)
    )
    return Creation("federation", plan.federation, [first, created, *others])
