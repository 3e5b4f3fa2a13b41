"""Update and state files are read back as written; hostile bytes are refused before parsing."""

import json
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

from collegium.errors import (
    BadCodes,
    BadContainer,
    BadManifest,
    EvidenceError,
    NotCanonical,
    Oversized,
)
from collegium.protocol import container, state
from collegium.protocol.codec import Encoded
from collegium.protocol.container import decode_update, encode_update
from collegium.protocol.safetensor import MAX_HEADER


@pytest.fixture(scope="module")
def update(hospital):
    return hospital.update(width=4)


@pytest.fixture(scope="module")
def data(update) -> bytes:
    return encode_update(update)


def split(data: bytes) -> tuple[dict, bytes]:
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def join(header: object, body: bytes) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_an_update_survives_its_file(hospital, layout, bits):
    update = hospital.update(width=bits)
    back = decode_update(encode_update(update), layout)
    assert back.manifest == update.manifest and back.signature == update.signature
    assert back.encoded.bits == bits
    assert np.array_equal(back.encoded.codes, update.encoded.codes)
    assert np.array_equal(back.encoded.exponents, update.encoded.exponents)
    assert encode_update(back) == encode_update(update)


def test_the_file_is_a_safetensors_file(data, update, layout):
    tensors = safetensors.numpy.load(data)
    assert np.array_equal(tensors["exponents"], update.encoded.exponents)
    header, _ = split(data)
    written = safetensors.numpy.save(tensors, metadata=header["__metadata__"])
    assert decode_update(written, layout).manifest == update.manifest
    assert (8 + int.from_bytes(data[:8], "little")) % 8 == 0


def test_a_state_survives_its_file(layout):
    values = np.random.default_rng(0).integers(-(2**31), 2**31, layout.padded).astype(np.int32)
    data = container.encode_state(values)
    assert np.array_equal(container.decode_state(data, layout), values)
    assert np.array_equal(safetensors.numpy.load(data)["state"], values)
    assert state.root(container.decode_state(data, layout)) == state.root(values)
    with pytest.raises(BadContainer):
        container.decode_state(data[:-4], layout)
    with pytest.raises(BadContainer):
        container.decode_state(safetensors.numpy.save({"state": values.view(np.float32)}), layout)


@given(cut=st.integers(0, 10**6))
def test_a_file_cut_anywhere_is_refused(cut, data, layout):
    with pytest.raises(BadContainer):
        decode_update(data[: cut % len(data)], layout)


def test_a_file_cut_at_each_boundary_is_refused(data, layout):
    header, body = split(data)
    start = len(data) - len(body)
    ends = [header[name]["data_offsets"][1] for name in ("codes", "exponents")]
    for cut in (0, 1, 7, 8, 9, start - 1, start, start + 1, *(start + end - 1 for end in ends)):
        with pytest.raises(BadContainer):
            decode_update(data[:cut], layout)


@given(place=st.integers(0, 10**6), value=st.integers(0, 255))
def test_a_changed_byte_is_refused_or_leaves_a_well_formed_update(place, value, data, layout):
    changed = bytearray(data)
    changed[place % len(data)] = value
    try:
        update = decode_update(bytes(changed), layout)
    except EvidenceError:
        return
    assert update.encoded.codes.size == layout.padded


@pytest.mark.parametrize("length", [0, 1, MAX_HEADER + 1, 2**31, 2**63, 2**64 - 1])
def test_a_false_header_length_is_refused_without_allocating(data, layout, length):
    hostile = length.to_bytes(8, "little") + data[8:]
    tracemalloc.start()
    with pytest.raises(BadContainer):
        decode_update(hostile, layout)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_an_oversized_file_is_refused_before_it_is_parsed(layout):
    most = 8 + MAX_HEADER + layout.blocks + layout.padded
    with pytest.raises(Oversized):
        decode_update(b"{" * (most + 1), layout)
    with pytest.raises(BadContainer):
        decode_update(b"{" * most, layout)


def edit_entry(**changes):
    def edit(header):
        header["codes"] |= changes

    return edit


HEADERS = {
    "float dtype": edit_entry(dtype="F32"),
    "float8 of the same size": edit_entry(dtype="F8_E4M3"),
    "signed dtype": edit_entry(dtype="I8"),
    "dtype of another type": edit_entry(dtype=["U8"]),
    "two axes": edit_entry(shape=[2, 128]),
    "no axis": edit_entry(shape=[]),
    "length of no width": edit_entry(shape=[255]),
    "negative length": edit_entry(shape=[-256]),
    "length as float": edit_entry(shape=[256.0]),
    "offsets beyond the file": edit_entry(data_offsets=[0, 2**40]),
    "negative offsets": edit_entry(data_offsets=[-256, 0]),
    "overlap": edit_entry(data_offsets=[16, 272]),
    "offset as bool": edit_entry(data_offsets=[False, 256]),
    "reversed offsets": edit_entry(data_offsets=[256, 0]),
    "more in an entry": edit_entry(scale=1),
    "entry of another type": lambda header: header.update(codes=[1]),
    "missing tensor": lambda header: header.pop("exponents"),
    "extra tensor": lambda header: header.update(
        more={"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}
    ),
    "missing metadata": lambda header: header.pop("__metadata__"),
    "missing signature": lambda header: header["__metadata__"].pop("signature"),
    "more metadata": lambda header: header["__metadata__"].update(note="x"),
    "metadata of another type": lambda header: header["__metadata__"].update(signature=5),
    "metadata list": lambda header: header.update(__metadata__=["manifest", "signature"]),
    "signature without prefix": lambda header: header["__metadata__"].update(signature="ab" * 65),
    "signature in capitals": lambda header: header["__metadata__"].update(
        signature="0x" + "AB" * 65
    ),
    "short signature": lambda header: header["__metadata__"].update(signature="0x" + "ab" * 64),
    "signature with spaces": lambda header: header["__metadata__"].update(
        signature="0x" + "ab " * 65
    ),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_of_another_form_is_refused(data, layout, name):
    header, body = split(data)
    assert decode_update(join(header, body), layout)  # rewriting alone is harmless
    HEADERS[name](header)
    with pytest.raises(BadContainer):
        decode_update(join(header, body), layout)


@pytest.mark.parametrize(
    "header", [b"[]", b"null", b"{}", b"\xff\xff", b"[" * 20_000, b"{" * 100, b'{"a":1,"a":1}']
)
def test_a_header_that_is_not_an_object_is_refused(data, layout, header):
    with pytest.raises(BadContainer):
        decode_update(join(header, split(data)[1]), layout)


def test_duplicate_header_keys_are_refused(data, layout):
    header, body = split(data)
    text = json.dumps(header)
    doubled = text[:-1] + "," + json.dumps({"codes": header["codes"]})[1:]
    with pytest.raises(BadContainer, match="unique"):
        decode_update(join(doubled.encode(), body), layout)


@pytest.mark.parametrize("place", ["end", "between", "front"])
def test_bytes_that_no_tensor_covers_are_refused(data, layout, place):
    header, body = split(data)
    if place == "between":
        header["exponents"]["data_offsets"] = [
            offset + 4 for offset in header["exponents"]["data_offsets"]
        ]
        body = body[:256] + b"evil" + body[256:]
    elif place == "front":
        for name in ("codes", "exponents"):
            header[name]["data_offsets"] = [o + 4 for o in header[name]["data_offsets"]]
        body = b"evil" + body
    else:
        body += b"\0"
    with pytest.raises(BadContainer):
        decode_update(join(header, body), layout)


def test_a_malformed_manifest_is_refused(data, layout):
    header, body = split(data)
    good = header["__metadata__"]["manifest"]
    for text, error in (
        (good.replace(":7,", ": 7,"), NotCanonical),
        (good[:-1], NotCanonical),
        ("\ud800", NotCanonical),
        ("{}", BadManifest),
        (good.replace('"bits":4', '"bits":5'), BadManifest),
    ):
        assert text != good
        header["__metadata__"]["manifest"] = text
        with pytest.raises(error):
            decode_update(join(header, body), layout)


def test_exponents_codes_and_padding_outside_the_format_are_refused(data, layout):
    header, body = split(data)
    for place, value in ((-1, 25), (0, 0x80), (255, 0x01)):  # exponent, code -8, padding lane
        hostile = bytearray(body)
        hostile[place] = value
        with pytest.raises(BadCodes):
            decode_update(join(header, bytes(hostile)), layout)


def test_a_padding_lane_cannot_be_smuggled_by_an_honest_writer(hospital, layout, update):
    codes = update.encoded.codes.copy()
    codes[layout.lanes] = 1
    smuggled = Encoded(4, update.encoded.exponents, codes)
    with pytest.raises(BadCodes, match="padding"):
        decode_update(encode_update(replace(update, encoded=smuggled)), layout)
