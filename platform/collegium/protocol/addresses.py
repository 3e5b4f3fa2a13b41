"""Ethereum addresses as people write them, and the one check of them."""

import re

from collegium.errors import BadAddress

_WRITTEN = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
ACTION = "Copy the whole address from where it was shown first; never retype it."


def checksum(address: bytes) -> str:
    """The 20 bytes of an address as text, with the checksum of EIP-55."""
    # Loaded here: cards and settings are read without any hash function.
    from eth_hash.auto import keccak

    digits = address.hex()
    hashed = keccak(digits.encode()).hex()
    return "0x" + "".join(
        d.upper() if int(h, 16) > 7 else d for d, h in zip(digits, hashed, strict=False)
    )


def checked(text: object, where: str) -> str:
    """The address in ``text``, with the checksum of EIP-55.

    Digits in one case carry no checksum and are accepted; digits in both cases must be exactly
    those of EIP-55. The zero address belongs to no one, so it is rejected.

    Args:
        text: as a person or a file wrote it.
        where: what names it in an error, such as ``--federation``.

    Raises:
        BadAddress: it has another form, a wrong checksum, or is zero.
    """
    expected = f"{where} to be an address: 0x and 40 hexadecimal digits"
    if not isinstance(text, str) or _WRITTEN.fullmatch(text) is None:
        found = repr(text)
        shown = found if len(found) <= 80 else found[:77] + "…"
        raise BadAddress(expected=expected, found=shown, action=ACTION)
    digits = text[2:]
    if not int(digits, 16):
        raise BadAddress(expected=f"{where} of an account", found="the zero address", action=ACTION)
    right = checksum(bytes.fromhex(digits))
    if text != right and digits not in (digits.lower(), digits.upper()):
        raise BadAddress(
            expected=f"{where} with the checksum of EIP-55",
            found=f"{text}, in which a digit or its case is wrong",
            action=f"Copy it again from where it was shown first. If only the case of letters is "
            f"wrong, it is {right}.",
        )
    return right
