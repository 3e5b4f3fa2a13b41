"""Every value in the chain file is proven, or named as one that nothing proves."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collegium.audit.blocks import ChainCheck
from collegium.audit.index import INDEX, Index
from collegium.audit.trail import Trail

UNPROVEN = {("block", "size"), ("block", "totalDifficulty")}
Path_ = tuple[Any, ...]


class _Lines:
    """A chain file in memory."""

    def __init__(self, entries: list[dict[str, Any]]) -> None:
        self._entries = entries

    def lines(self) -> Iterator[bytes]:
        return (json.dumps(entry).encode() for entry in self._entries)


def _leaves(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    if isinstance(value, dict | list) and value:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from _leaves(item, (*path, key))
    else:
        yield path


def _changed(value: Any) -> Any:
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str) and value.startswith("0x"):
        if len(value) % 2 == 0 and len(value) > 18:  # data: another last byte
            return value[:-2] + f"{int(value[-2:], 16) ^ 1:02x}"
        return hex(int(value, 16) ^ 1) if value != "0x" else "0x00"
    return "0x01" if value is None else [] if isinstance(value, dict) else ["0x01"]


def _check(index: Index, entries: list[dict[str, Any]]) -> Trail:
    trail = Trail()
    list(ChainCheck(trail, index, None).blocks(_Lines(entries), lambda done: None))
    return trail


@pytest.mark.parametrize("event", ["RoleGranted", "RoundSettled", "Claimed"])
def test_every_value_of_a_block(bundle: Path, forger: Any, event: str) -> None:
    """The block of an event, with the one before it."""
    index = Index.decode((bundle / INDEX).read_bytes())
    height = int(forger.log(event)["blockNumber"], 16)
    offset = max(0, height - index.first_block - 1)
    entries = forger.entries[offset : height - index.first_block + 1]
    first, last = (int(entries[i]["block"]["number"], 16) for i in (0, -1))
    head = entries[-1]["block"]["hash"][2:]
    fields = {**index.__dict__, "first_block": first, "head_number": last, "head_hash": head}
    index = Index(**fields)
    assert _check(index, entries).findings == []
    seen = 0
    for path in _leaves(entries[-1]):
        tampered = copy.deepcopy(entries)
        holder: Any = tampered[-1]
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = _changed(holder[path[-1]])
        findings = _check(index, tampered).findings
        assert bool(findings) == (path not in UNPROVEN), (path, holder[path[-1]])
        seen += 1
    assert seen > 60


def test_what_is_missing_is_found(bundle: Path, forger: Any) -> None:
    """A header, transaction, receipt or log without one of its fields is a finding, not a crash."""
    index = Index.decode((bundle / INDEX).read_bytes())
    entry = next(e for e in forger.entries if e["receipts"] and e["receipts"][0]["logs"])
    places = [("block",), ("block", "transactions", 0), ("receipts", 0), ("receipts", 0, "logs", 0)]
    optional = {"size", "totalDifficulty", "uncles", "withdrawals", "type", "removed", "to",
                "gasPrice", "effectiveGasPrice", "accessList", "v", "yParity"}  # fmt: skip
    for place in places:
        holder: Any = entry
        for key in place:
            holder = holder[key]
        for name in list(holder):
            if name in optional:
                continue
            kept = holder.pop(name)
            assert _check(index, [entry]).findings, (place, name)
            holder[name] = kept
