"""The contracts that a federation is made of, and the code that creates each of them. Pure.

Vault, disputes, settler and steps are deployed first, each for the address that the federation
will have; the federation's constructor rejects parts that were made for another address. Deployment
and audit take the arguments from here, so that the audit expects what the deployment sends.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import rlp
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from eth_utils.hexadecimal import decode_hex

from collegium.chain.shipped import artifact

PARTS = {"vault": "Vault", "disputes": "Disputes", "settler": "Settler", "steps": "Steps"}
"""Names of the parts, in the order in which they are deployed, and their shipped contracts."""


@dataclass(frozen=True)
class Plan:
    """Addresses and arguments with which a federation is created.

    Attributes:
        federation: its address, EIP-55.
        struct: the contract's Terms by Solidity name, with ``card`` and ``genesis``.
        token, admin: EIP-55 addresses.
        parts: EIP-55 address of each part, by name.
    """

    federation: str
    struct: Mapping[str, Any]
    token: str
    admin: str
    parts: Mapping[str, str]

    def arguments(self, part: str) -> tuple[Any, ...]:
        """Arguments of a part's constructor.

        Raises:
            KeyError: there is no such part.
        """
        rule = self.struct["mergeRule"], self.struct["mergeParameter"]
        known: dict[str, tuple[Any, ...]] = {
            "vault": (self.federation, self.token, self.struct["unbonding"]),
            "disputes": (self.federation, *rule),
            "settler": (self.federation, self.struct),
            "steps": (self.federation, self.struct, self.parts),
        }
        return known[part]

    def creation(self, part: str) -> bytes:
        """The data of the transaction that creates a part: shipped code, then the arguments."""
        shipped = artifact(PARTS[part])
        return shipped.bytecode + shipped.abi.encode_constructor(*self.arguments(part))

    def own_arguments(self) -> tuple[Any, ...]:
        """Arguments of the federation's constructor."""
        return self.struct, self.token, self.admin, self.parts


def created_address(creator: str, nonce: int) -> str:
    """EIP-55 address of the contract that ``creator`` creates with this nonce (CREATE)."""
    return to_checksum_address(keccak(rlp.encode([decode_hex(creator), nonce]))[12:])


def plan(creator: str, nonce: int, struct: Mapping[str, Any], token: str, admin: str) -> Plan:
    """The addresses that result if ``creator`` deploys the parts and then the federation.

    Args:
        nonce: of the first of these consecutive transactions.
    """
    parts = {name: created_address(creator, nonce + i) for i, name in enumerate(PARTS)}
    federation = created_address(creator, nonce + len(PARTS))
    return Plan(federation, struct, to_checksum_address(token), admin, parts)
