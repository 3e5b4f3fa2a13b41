"""Whatever is damaged, an audit ends with a result: never with a crash, and never with a yes."""

import copy
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collegium import evidence

UNPROVEN = {("block", "size"), ("block", "totalDifficulty")}
DAMAGE: list[Any] = [
    None, [], {}, "", "0x", "zz", "0x0", "0x" + "f" * 70, "0x" + "0" * 40, -1, 10**30, 1.5, False,
    [None], {"a": 1}, "\ud800", "\x00",
]  # fmt: skip

fuzz = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON document, inner nodes as well as leaves."""
    items = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    return [found for k, v in items for found in ((*path, k), *_paths(v, (*path, k)))]


def _damage(document: Any, path: tuple[Any, ...], value: Any) -> bool:
    """Put ``value`` at a place, or remove the place; whether that changes anything."""
    holder = document
    for key in path[:-1]:
        holder = holder[key]
    if value == "removed":
        del holder[path[-1]]
        return True
    before, holder[path[-1]] = holder[path[-1]], value
    return json.dumps(before) != json.dumps(value) and _number(before) != _number(value)


def _number(value: Any) -> Any:
    """What a quantity says: there are several ways to write a number, or nothing."""
    try:
        return int(value, 16) if isinstance(value, str) else int(value)
    except (TypeError, ValueError):
        return 0 if value in ("", "0x") else value


@settings(fuzz, max_examples=40)
@given(data=st.data())
def test_any_value_of_the_chain_file(forger: Any, data: st.DataObject) -> None:
    kept = forger.entries
    forger.entries = copy.deepcopy(kept)
    position = data.draw(st.integers(0, len(kept) - 1))
    path = data.draw(st.sampled_from(_paths(kept[position])))
    changed = _damage(
        forger.entries[position], path, data.draw(st.sampled_from([*DAMAGE, "removed"]))
    )
    result = evidence.audit(forger.seal())
    forger.entries = kept
    json.dumps(result.to_json())
    assert not changed or not result.ok or path in UNPROVEN or path[-1] in _OPTIONAL


_OPTIONAL = {
    "type", "removed", "uncles", "withdrawals", "gasPrice", "effectiveGasPrice", "v", "yParity",
    "accessList", "to", "contractAddress", "chainId",
}  # fmt: skip
"""What a server may leave out; another value of these is found, see test_fields."""


@settings(fuzz, max_examples=40)
@given(data=st.data())
def test_any_value_of_the_index(forger: Any, data: st.DataObject) -> None:
    kept = forger.index
    forger.index = copy.deepcopy(kept)
    path = data.draw(st.sampled_from([p for p in _paths(kept) if p[0] != "files"]))
    value = data.draw(st.sampled_from([v for v in DAMAGE if v not in (10**30, "\ud800")]))
    changed = _damage(forger.index, path, value)
    result = evidence.audit(forger.seal())
    forger.index = kept
    assert not changed or not result.ok


@settings(fuzz, max_examples=25)
@given(data=st.data(), name=st.sampled_from(["card.json", "layout.json"]))
def test_any_value_of_a_document(forger: Any, data: st.DataObject, name: str) -> None:
    path = forger.folder / name
    before = path.read_bytes()
    document = json.loads(before)
    place = data.draw(st.sampled_from(_paths(document)))
    changed = _damage(document, place, data.draw(st.sampled_from([*DAMAGE, "removed"])))
    path.write_text(json.dumps(document, separators=(",", ":"), sort_keys=True))
    result = evidence.audit(forger.seal())
    path.write_bytes(before)
    assert not changed or not result.ok


@settings(fuzz, max_examples=40)
@given(data=st.data())
def test_any_byte_of_a_blob_under_its_new_name(forger: Any, data: st.DataObject) -> None:
    """The digests fit again: what the blob says does not."""
    kept = copy.deepcopy(forger.index)
    entry = data.draw(st.sampled_from([*kept["updates"], *kept["states"]]))
    path = forger.folder / "blobs" / entry["blob"]
    before = path.read_bytes()
    position = data.draw(st.integers(0, len(before) - 1))
    changed = bytearray(before)
    changed[position] ^= data.draw(st.integers(1, 255))
    made = forger.blob(entry["blob"], bytes(changed))
    result = evidence.audit(forger.seal())
    (forger.folder / "blobs" / made).unlink()
    path.write_bytes(before)
    forger.index = kept
    refused = entry.get("node") == 4 and entry.get("round") == 2
    assert not result.ok or refused  # a bad signature on an update that was rejected anyway
