"""The bloom filter of Ethereum's headers: which addresses and topics a block's logs may contain."""

from eth_hash.auto import keccak


def bits(item: bytes) -> int:
    """The three bits of 2048 that an address or topic sets (Yellow Paper, 4.3.1)."""
    hashed = keccak(item)
    mask = 0
    for start in (0, 2, 4):
        # 2047: the low 11 bits of each pair of bytes are a position among 2048.
        mask |= 1 << (int.from_bytes(hashed[start : start + 2]) & 2047)
    return mask


def may_contain(bloom: int, item: bytes) -> bool:
    """False only if no log in the block has this address or topic."""
    wanted = bits(item)
    return bloom & wanted == wanted
