"""Recursive length prefix (Yellow Paper, B), decoding only, without loading anything.

Used in this package only; the code that checks evidence uses the ``rlp`` package.
"""

from typing import Any


def decode(data: bytes) -> Any:
    """One item: bytes, or a list of items.

    Raises:
        ValueError: ``data`` is cut short or has more than one item.
    """
    item, end = _item(data, 0)
    if end != len(data):
        raise ValueError(f"RLP item of {end} bytes in {len(data)}")
    return item


def encode_number(number: int) -> bytes:
    """A number below 2^16, as the key of a receipt."""
    if number == 0:
        return b"\x80"
    if number < 0x80:
        return bytes([number])
    digits = number.to_bytes(1 if number < 256 else 2)
    return bytes([0x80 + len(digits)]) + digits


def _item(data: bytes, at: int) -> tuple[Any, int]:
    first = data[at] if at < len(data) else -1
    if 0 <= first < 0x80:
        return data[at : at + 1], at + 1
    is_list = first >= 0xC0
    start, length = _length(data, at, first - (0xC0 if is_list else 0x80))
    end = start + length
    if first < 0 or end > len(data):
        raise ValueError("RLP item is cut short")
    if not is_list:
        return data[start:end], end
    items = []
    while start < end:
        item, start = _item(data, start)
        items.append(item)
    return items, end


def _length(data: bytes, at: int, short: int) -> tuple[int, int]:
    """Where the payload starts, and its length."""
    if short < 56:
        return at + 1, short
    size = short - 55
    return at + 1 + size, int.from_bytes(data[at + 1 : at + 1 + size])
