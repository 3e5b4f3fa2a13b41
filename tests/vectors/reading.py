"""The frozen vectors, as tests read them."""

import json
from pathlib import Path
from typing import Any

from eth_utils import decode_hex

FOLDER = Path(__file__).parent


def vectors(name: str) -> list[dict[str, Any]]:
    """The cases of one file."""
    cases: list[dict[str, Any]] = json.loads((FOLDER / f"{name}.json").read_text())
    return cases


def unhexed(value: Any) -> Any:
    """The arguments of a call, of which JSON has the bytes in hexadecimal."""
    match value:
        case str() if value.startswith("0x"):
            return decode_hex(value)
        case dict():
            return {key: unhexed(item) for key, item in value.items()}
        case list():
            return [unhexed(item) for item in value]
    return value
