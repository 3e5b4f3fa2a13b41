"""The part of the safetensors format that update and state files use, for untrusted files.

A file is an 8-byte little-endian header length, that many bytes of JSON, then the tensors
back to back. Sizes are checked against the caller's limits before anything is read, and the
header must describe the rest of the file exactly.
https://huggingface.co/docs/safetensors
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from collegium.errors import BadContainer, Oversized
from collegium.protocol.nesting import check_depth

MAX_HEADER = 1 << 15
"""Longest header in bytes; ours hold one manifest and two tensors."""
PREFIX = 8
"""Bytes of the header's length."""

_DTYPES: dict[str, str] = {"U8": "|u1", "I32": "<i4"}
_METADATA = "__metadata__"
_ACTION = "Reject the file; it was damaged or not written by this protocol."


@dataclass(frozen=True)
class Spec:
    """The dtype ("U8" or "I32") and the lengths that are allowed for one vector in a file."""

    dtype: str
    lengths: tuple[int, ...]


def write(vectors: Mapping[str, npt.NDArray[Any]], metadata: Mapping[str, str]) -> bytes:
    """A safetensors file with these vectors; equal inputs give equal bytes."""
    header: dict[str, object] = {_METADATA: dict(sorted(metadata.items()))}
    bodies, start = [], 0
    for name, vector in sorted(vectors.items()):
        body, dtype = vector.tobytes(), _dtype_name(vector)
        end = start + len(body)
        header[name] = {"dtype": dtype, "shape": [vector.size], "data_offsets": [start, end]}
        bodies.append(body)
        start = end
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=True).encode()
    text += b" " * (-len(text) % 8)  # aligns the tensors for readers that map the file
    return len(text).to_bytes(PREFIX, "little") + text + b"".join(bodies)


def read(
    data: bytes, specs: Mapping[str, Spec], metadata: tuple[str, ...]
) -> tuple[dict[str, npt.NDArray[Any]], dict[str, str]]:
    """The vectors and metadata of a file, which must contain exactly what the caller expects.

    Args:
        data: the file, untrusted.
        specs: every vector by name; the file must have no others.
        metadata: the names of all metadata entries.

    Returns:
        Read-only views into ``data``, and the metadata.

    Raises:
        Oversized: longer than the largest file these specs allow.
        BadContainer: the file differs from the form in any other way.
    """
    header, body = _split(data, specs)
    entries = {name: _entry(name, header.pop(name, None), spec) for name, spec in specs.items()}
    found = header.pop(_METADATA, None)
    if not isinstance(found, dict) or set(found) != set(metadata):
        _refuse(f"metadata {list(metadata)}", _names(found))
    if not all(isinstance(value, str) for value in found.values()):
        _refuse("metadata of strings", "another type")
    if header:
        _refuse(f"only the tensors {sorted(specs)}", f"also {_names(header)}")
    _check_cover(entries.values(), len(body))
    vectors = {
        name: np.frombuffer(body[start:end], _DTYPES[specs[name].dtype])
        for name, (start, end) in entries.items()
    }
    return vectors, found


def _split(data: bytes, specs: Mapping[str, Spec]) -> tuple[dict[str, Any], memoryview]:
    largest = sum(max(spec.lengths) * _item_size(spec) for spec in specs.values())
    if len(data) > PREFIX + MAX_HEADER + largest:
        raise Oversized(
            expected=f"at most {PREFIX + MAX_HEADER + largest} bytes for this layout",
            found=f"{len(data)} bytes",
            action="Reject the file without reading it.",
        )
    if len(data) < PREFIX:
        _refuse("an 8-byte header length", f"{len(data)} bytes")
    length = int.from_bytes(data[:PREFIX], "little")
    if not 2 <= length <= min(MAX_HEADER, len(data) - PREFIX):
        _refuse(f"a header of 2 to {min(MAX_HEADER, len(data) - PREFIX)} bytes", length)
    try:
        text = data[PREFIX : PREFIX + length]
        check_depth(text)
        header = json.loads(text.decode("utf-8"), object_pairs_hook=_unique)
    except ValueError as error:
        _refuse("a JSON header with unique keys", error)
    if not isinstance(header, dict):
        _refuse("a JSON object as header", type(header).__name__)
    return header, memoryview(data)[PREFIX + length :]


def _entry(name: str, entry: object, spec: Spec) -> tuple[int, int]:
    """Start and end of one vector in the body."""
    match entry:
        case {"dtype": spec.dtype, "shape": [size], "data_offsets": [start, end], **rest}:
            pass
        case _:
            _refuse(f"tensor {name!r} of dtype {spec.dtype} with one axis and two offsets", entry)
    # An exact type: True would pass as 1.
    if rest or any(type(number) is not int for number in (size, start, end)):
        _refuse(f"tensor {name!r} with integers and without other keys", entry)
    if size not in spec.lengths or end - start != size * _item_size(spec):
        _refuse(f"tensor {name!r} with a length in {spec.lengths} and offsets to match", entry)
    return start, end


def _check_cover(spans: Any, size: int) -> None:
    # Gaps would carry bytes that no digest covers; overlaps would read one byte as two values.
    position = 0
    for start, end in sorted(spans):
        if start != position:
            _refuse(f"the next tensor at byte {position}", f"byte {start}")
        position = end
    if position != size:
        _refuse(f"{position} bytes of tensors", f"{size}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a key occurs twice")
    return document


def _item_size(spec: Spec) -> int:
    return np.dtype(_DTYPES[spec.dtype]).itemsize


def _dtype_name(vector: npt.NDArray[Any]) -> str:
    return next(name for name, code in _DTYPES.items() if np.dtype(code) == vector.dtype)


def _names(document: object) -> object:
    return sorted(document) if isinstance(document, dict) else document


def _refuse(expected: str, found: object) -> NoReturn:
    raise BadContainer(expected=expected, found=str(found)[:200], action=_ACTION)
