"""Calldata, results, events and errors of one contract, coded by its ABI. Pure: no chain needed.

The contract ABI specification of Solidity, on ``eth_abi``. Structs are mappings by field name in
both directions, and addresses come out with their EIP-55 checksum. A topic of a dynamic type stays
bytes, because a log contains only its hash.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_utils import keccak, to_checksum_address
from eth_utils.abi import collapse_if_tuple

Entry = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """A decoded function call or error: its name and its arguments by name, in order."""

    name: str
    args: dict[str, Any]


class Abi:
    """The entries of one contract's ABI (or of several, joined)."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = list(entries)
        of = {kind: [e for e in entries if e.get("type") == kind] for kind in _KINDS}
        self.functions: dict[str, Entry] = {e["name"]: e for e in of["function"]}
        self._constructor: Entry = (of["constructor"] or [{"inputs": []}])[0]
        self._by_selector = {selector(e): e for e in of["function"]}
        self._errors = {selector(e): e for e in of["error"]}
        # An anonymous event has no topic 0 by which it could be found.
        self._events = {_hash(e): e for e in of["event"] if not e.get("anonymous")}

    def __add__(self, other: "Abi") -> "Abi":
        return Abi(self.entries + other.entries)

    def encode_call(self, name: str, *args: Any) -> bytes:
        """Calldata of ``name(*args)``.

        Raises:
            KeyError: the contract has no such function.
            eth_abi.exceptions.EncodingError: an argument does not fit its type.
        """
        entry = self.functions[name]
        return selector(entry) + _encode(entry["inputs"], args)

    def encode_constructor(self, *args: Any) -> bytes:
        """Constructor arguments, in the form that follows the creation code."""
        return _encode(self._constructor["inputs"], args)

    def decode_constructor(self, data: bytes) -> dict[str, Any]:
        """Inverse of :meth:`encode_constructor`."""
        return _decode(self._constructor["inputs"], data)

    def decode_call(self, data: bytes) -> Call | None:
        """Function and arguments of calldata; ``None`` if the contract has no such function.

        Raises:
            eth_abi.exceptions.DecodingError: the arguments are cut short or malformed.
        """
        entry = self._by_selector.get(data[:4])
        return None if entry is None else Call(entry["name"], _decode(entry["inputs"], data[4:]))

    def decode_output(self, name: str, data: bytes) -> Any:
        """What ``name`` returned: nothing, one value, or a mapping of several."""
        outputs = _named(self.functions[name]["outputs"])
        values = _decode(outputs, data)
        if not values:
            return None
        return next(iter(values.values())) if len(values) == 1 else values

    def decode_error(self, data: bytes) -> Call | None:
        """A custom error; ``None`` if it is unknown or its arguments are cut short."""
        entry = self._errors.get(data[:4])
        if entry is None:
            return None
        try:
            return Call(entry["name"], _decode(entry["inputs"], data[4:]))
        except DecodingError:
            return None

    def decode_event(self, topics: Sequence[bytes], data: bytes) -> Call | None:
        """An event from a log's topics and data; ``None`` if the contract has no such event.

        Raises:
            eth_abi.exceptions.DecodingError: topics or data do not fit the event's types.
        """
        entry = self._events.get(topics[0]) if topics else None
        if entry is None:
            return None
        inputs = _named(entry["inputs"])
        indexed = [i for i in inputs if i.get("indexed")]
        if len(indexed) != len(topics) - 1:
            return None  # the same signature, declared with other indexed fields elsewhere
        values = _decode([i for i in inputs if not i.get("indexed")], data)
        for field, topic in zip(indexed, topics[1:], strict=True):
            values[field["name"]] = _topic_value(field, topic)
        return Call(entry["name"], {i["name"]: values[i["name"]] for i in inputs})

    def topic(self, event: str) -> bytes:
        """Topic 0 of the event ``event``.

        Raises:
            KeyError: the contract has no such event.
        """
        for topic, entry in self._events.items():
            if entry["name"] == event:
                return topic
        raise KeyError(event)


_KINDS = ("function", "constructor", "event", "error")


def signature(entry: Entry) -> str:
    """The canonical form, such as ``transfer(address,uint256)``."""
    return f"{entry['name']}({','.join(collapse_if_tuple(i) for i in entry['inputs'])})"


def selector(entry: Entry) -> bytes:
    """The first 4 bytes of the keccak of the canonical signature."""
    return _hash(entry)[:4]


def _hash(entry: Entry) -> bytes:
    return keccak(text=signature(entry))


def _named(fields: Sequence[Entry]) -> list[Entry]:
    """The fields; one without a name is named by its position."""
    return [f | {"name": f["name"] or str(i)} for i, f in enumerate(fields)]


def _encode(inputs: Sequence[Entry], args: Sequence[Any]) -> bytes:
    if len(args) != len(inputs):
        raise TypeError(f"expected {len(inputs)} arguments, found {len(args)}")
    values = [_to_plain(i, a, i["type"]) for i, a in zip(inputs, args, strict=True)]
    return encode([collapse_if_tuple(i) for i in inputs], values)


def _decode(fields: Sequence[Entry], data: bytes) -> dict[str, Any]:
    named = _named(fields)
    values = decode([collapse_if_tuple(f) for f in named], data)
    return {f["name"]: _from_plain(f, v, f["type"]) for f, v in zip(named, values, strict=True)}


def _topic_value(field: Entry, topic: bytes) -> Any:
    kind = field["type"]
    if kind in ("string", "bytes") or kind.endswith("]") or kind == "tuple":
        return topic
    return _from_plain(field, decode([kind], topic)[0], kind)


def _to_plain(field: Entry, value: Any, kind: str) -> Any:
    """Mappings to tuples, as deep as the type goes."""
    if kind.endswith("]"):
        inner = kind[: kind.rindex("[")]  # the last brackets are the outermost: T[2][] lists T[2]
        return [_to_plain(field, v, inner) for v in value]
    if kind != "tuple":
        return value
    parts = field["components"]
    if isinstance(value, Mapping):
        value = [value[p["name"]] for p in parts]
    return tuple(_to_plain(p, v, p["type"]) for p, v in zip(parts, value, strict=True))


def _from_plain(field: Entry, value: Any, kind: str) -> Any:
    """Tuples to mappings and addresses to their checksum form, as deep as the type goes."""
    if kind.endswith("]"):
        inner = kind[: kind.rindex("[")]
        return [_from_plain(field, v, inner) for v in value]
    if kind == "address":
        return to_checksum_address(value)
    if kind != "tuple":
        return value
    parts = _named(field["components"])
    return {p["name"]: _from_plain(p, v, p["type"]) for p, v in zip(parts, value, strict=True)}
