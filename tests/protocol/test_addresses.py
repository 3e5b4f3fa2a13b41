"""An address is accepted as EIP-55 writes it, or in one case; nothing else is."""

import pytest

from collegium.errors import BadAddress
from collegium.protocol.addresses import checked, checksum

# The examples of EIP-55.
EXAMPLES = (
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0xde709f2102306220921060314715629080e2fb77",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
)
RIGHT = EXAMPLES[2]


@pytest.mark.parametrize("address", EXAMPLES)
def test_examples_of_the_standard(address: str) -> None:
    assert checksum(bytes.fromhex(address[2:])) == address
    for written in (address, address.lower(), "0x" + address[2:].upper()):
        assert checked(written, "NODE") == address


@pytest.mark.parametrize(
    "text",
    [
        "", "0x", "0x123", RIGHT[2:], RIGHT[:-1], RIGHT + "0", "0X" + RIGHT[2:], " " + RIGHT,
        RIGHT + "\n", RIGHT.replace("5", "g"), RIGHT[:-1] + "٣", RIGHT[:-2] + "_1",
        "0x" + "00" * 20, None, 5, True, [RIGHT], "x" * 10_000,
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_no_address(text: object) -> None:
    with pytest.raises(BadAddress) as caught:
        checked(text, "--federation")
    assert "--federation" in caught.value.expected and len(str(caught.value)) < 500


def test_a_wrong_checksum_names_the_right_spelling() -> None:
    with pytest.raises(BadAddress) as caught:
        checked("0x" + RIGHT[2:].swapcase(), "NODE")
    assert RIGHT in caught.value.action
    with pytest.raises(BadAddress):
        checked(RIGHT[:-1] + "e", "NODE")
