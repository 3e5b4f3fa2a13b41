"""Where the federation comes from: its creating transaction, code, terms and roles.

The address of a contract follows from who created it, and the transaction holds the code, that of
the vault and of the disputes included, which the federation creates. So the shipped artifact and
the terms are compared byte for byte without asking any server.
"""

from dataclasses import dataclass
from typing import Any

import rlp
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from eth_utils.hexadecimal import decode_hex

from collegium.audit.blocks import Block
from collegium.audit.fields import number
from collegium.audit.index import Index
from collegium.audit.trail import Trail
from collegium.chain.shipped import artifact
from collegium.protocol.model.access import ADMIN, COORDINATOR, COUNCIL, PAUSER
from collegium.protocol.model.machine import Event
from collegium.protocol.terms import Terms

Json = dict[str, Any]
_ARGUMENTS = 32 * (len(Terms.__dataclass_fields__) + 4)  # with card and genesis, token and admin
_VAULT_NONCE, _DISPUTES_NONCE = 2, 3  # creations count from 1 (EIP-161); the settler is first


@dataclass(frozen=True)
class Deployment:
    """The constructor's arguments and what follows from them.

    Attributes:
        struct: the contract's Terms by Solidity name, with ``card`` and ``genesis``.
        terms: the same numbers for the reference model.
        token, admin, vault, disputes: EIP-55 addresses.
        events: what the constructor emitted, as the rules say.
        tx: hash of the creating transaction.
        block, time: where and when.
    """

    struct: dict[str, Any]
    terms: Terms
    token: str
    admin: str
    vault: str
    disputes: str
    events: list[Event]
    tx: str
    block: int
    time: int


def created_address(creator: str, nonce: int) -> str:
    """EIP-55 address of the contract that ``creator`` makes with this nonce (CREATE)."""
    return to_checksum_address(keccak(rlp.encode([decode_hex(creator), nonce]))[12:])


def find(trail: Trail, index: Index, first: Block) -> Deployment | None:
    """The deployment in the bundle's first block; None, after a finding, if it is not there."""
    block, receipts = first
    record = f"block {index.deployment_block}"
    for tx, receipt in zip(block["transactions"], receipts, strict=False):
        if tx.get("to") is None and _creates(tx) == index.federation:
            status = number(receipt["status"])
            trail.expect("deployment", f"transaction {tx['hash']}, status", 1, status)
            return _read(trail, index, tx, block)
    wanted = f"a transaction that creates {index.federation}"
    trail.violation("deployment", record, wanted, "none")
    return None


def _creates(tx: Json) -> str:
    return created_address(tx["from"], number(tx["nonce"]))


def _read(trail: Trail, index: Index, tx: Json, block: Json) -> Deployment:
    shipped, record = artifact("Federation"), f"transaction {tx['hash']}"
    data = decode_hex(tx["input"])
    code, arguments = data[:-_ARGUMENTS], data[-_ARGUMENTS:]
    trail.expect("code", f"{record}, creation code", keccak(shipped.bytecode), keccak(code))
    values = shipped.abi.decode_constructor(arguments)
    struct, token, admin = values.values()
    trail.expect(
        "code",
        f"{record}, constructor arguments",
        shipped.abi.encode_constructor(struct, token, admin),
        arguments,
    )
    vault, disputes = (
        created_address(index.federation, nonce) for nonce in (_VAULT_NONCE, _DISPUTES_NONCE)
    )
    trail.expect("deployment", f"{record}, vault", vault, index.vault)
    trail.expect("deployment", f"{record}, disputes", disputes, index.disputes)
    trail.expect("deployment", f"{record}, token", token, index.token)
    return Deployment(
        struct=struct,
        terms=_terms(struct),
        token=token,
        admin=admin,
        vault=vault,
        disputes=disputes,
        events=_granted(admin, to_checksum_address(tx["from"])),
        tx=tx["hash"],
        block=number(block["number"]),
        time=number(block["timestamp"]),
    )


def _terms(struct: dict[str, Any]) -> Terms:
    names = {name.replace("_", ""): name for name in Terms.__dataclass_fields__}
    numbers = {names[k.lower()]: v for k, v in struct.items() if k.lower() in names}
    return Terms(**numbers)


def _granted(admin: str, sender: str) -> list[Event]:
    return [
        Event("federation", "RoleGranted", {"role": role, "account": admin, "sender": sender})
        for role in (ADMIN, COUNCIL, COORDINATOR, PAUSER)
    ]
