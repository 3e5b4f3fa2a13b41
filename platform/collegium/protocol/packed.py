"""Packed lists in calldata and events: fixed-size big-endian items without padding.

Solidity's ``abi.encodePacked`` of each item, one after the other. Addresses are EIP-55 strings,
digests bytes, the rest integers. Every ``unpack_`` function raises BadContainer if the last item
is cut off.
"""

from collections.abc import Iterable, Iterator, Sequence

from eth_utils.address import to_checksum_address

from collegium.errors import BadContainer
from collegium.protocol.settlement import Settlement

COMMITMENT = 116
"""One signed commitment in a batch: address account, bytes32 digest, bytes32 r, bytes32 vs."""
ATTESTATION = 65
"""One attestation: uint8 slot, bytes32 r, bytes32 vs."""
UPDATE = 34
"""One committed update: uint16 id, bytes32 digest."""
ACCEPTED = 36
"""One accepted update: uint16 id, bytes32 digest, uint16 weight."""
RESULT = 18
"""One settled update: int32 median, uint16 weight, uint96 pay."""
FEE = 12
"""Pay of one committee slot: uint96."""

Committed = tuple[int, bytes]
"""Node id and update digest (32 bytes)."""


def items(data: bytes, size: int) -> Iterator[bytes]:
    """The items of ``size`` bytes; raises BadContainer if the last is cut off."""
    if len(data) % size:
        raise BadContainer(
            expected=f"whole items of {size} bytes",
            found=f"{len(data)} bytes",
            action="Read the list from the transaction or event that carried it.",
        )
    return (data[start : start + size] for start in range(0, len(data), size))


def pack_commitment(account: str, digest: bytes, signature: bytes) -> bytes:
    """One item of ``commitUpdates``; ``signature`` is compact (64 bytes)."""
    return bytes.fromhex(account.removeprefix("0x")) + digest + signature


def unpack_commitments(data: bytes) -> list[tuple[str, bytes, bytes]]:
    """(account, digest, compact signature) of each item."""
    parts = items(data, COMMITMENT)
    return [(to_checksum_address(item[:20]), item[20:52], item[52:]) for item in parts]


def pack_attestation(slot: int, signature: bytes) -> bytes:
    """One item of ``attestMerge``; ``signature`` is compact (64 bytes)."""
    return bytes([slot]) + signature


def unpack_attestations(data: bytes) -> list[tuple[int, bytes]]:
    """(slot, compact signature) of each item."""
    return [(item[0], item[1:]) for item in items(data, ATTESTATION)]


def pack_updates(updates: Iterable[Committed]) -> bytes:
    """(node id, digest) in commit order, for ``settle`` and ``UpdatesCommitted``."""
    return b"".join(id.to_bytes(2, "big") + digest for id, digest in updates)


def unpack_updates(data: bytes) -> list[Committed]:
    """(node id, digest) of each item."""
    return [(_uint(item[:2]), item[2:]) for item in items(data, UPDATE)]


def pack_accepted(updates: Sequence[Committed], settlement: Settlement) -> bytes:
    """(node id, digest, weight) of the accepted updates; its Keccak-256 is the ``outcome``."""
    rows = zip(updates, settlement.accepted, settlement.weights, strict=True)
    return b"".join(
        pack_updates([update]) + weight.to_bytes(2, "big") for update, ok, weight in rows if ok
    )


def pack_results(settlement: Settlement) -> bytes:
    """(median, weight, pay) per update, as in ``RoundSettled``."""
    rows = zip(settlement.phi, settlement.weights, settlement.node_pays, strict=True)
    return b"".join(
        phi.to_bytes(4, "big", signed=True) + weight.to_bytes(2, "big") + pay.to_bytes(12, "big")
        for phi, weight, pay in rows
    )


def unpack_results(data: bytes) -> list[tuple[int, int, int]]:
    """(median, weight, pay) of each update."""
    return [
        (int.from_bytes(item[:4], "big", signed=True), _uint(item[4:6]), _uint(item[6:]))
        for item in items(data, RESULT)
    ]


def pack_fees(fees: Iterable[int]) -> bytes:
    """Pay per committee slot, as in ``RoundSettled``."""
    return b"".join(fee.to_bytes(FEE, "big") for fee in fees)


def unpack_fees(data: bytes) -> list[int]:
    """Pay of each committee slot."""
    return [_uint(item) for item in items(data, FEE)]


def bitmap(indices: Iterable[int]) -> int:
    """A set of small numbers as one bit each."""
    return sum(1 << index for index in set(indices))


def _uint(data: bytes) -> int:
    return int.from_bytes(data, "big")
