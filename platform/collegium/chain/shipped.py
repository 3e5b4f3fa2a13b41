"""The contracts that are shipped with the package: ABI and creation code. Pure: no chain client.

``artifacts/NAME.json`` contains the output of the Solidity compiler, so deployment and audit
need no compiler. A test compiles the sources again and compares.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

from eth_utils.hexadecimal import decode_hex

from collegium.chain.abi import Abi


@dataclass(frozen=True)
class Artifact:
    """A compiled contract: its ABI and creation code."""

    name: str
    abi: Abi
    bytecode: bytes


@cache
def artifact(name: str) -> Artifact:
    """The shipped contract ``name``.

    Raises:
        FileNotFoundError: the package has no such contract.
    """
    file = resources.files("collegium.chain") / "artifacts" / f"{name}.json"
    fields = json.loads(file.read_text(encoding="utf-8"))
    return Artifact(name, Abi(fields["abi"]), decode_hex(fields["bytecode"]))
