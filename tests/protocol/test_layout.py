"""Layouts are well-formed or refused; a vector is the tensors in order."""

from dataclasses import replace

import numpy as np
import pytest

from collegium.errors import BadLayout, NotCanonical
from collegium.protocol.layout import MAX_LANES, Layout, Tensor


def test_lanes_are_padded_to_whole_leaves(layout):
    assert (layout.lanes, layout.leaves, layout.padded, layout.blocks) == (337, 2, 512, 16)
    exact = replace(layout, tensors=(Tensor("a", (2, 128)),))
    assert (exact.lanes, exact.padded) == (256, 256)


def test_a_layout_survives_its_document(layout):
    assert Layout.decode(layout.encode()) == layout
    assert Layout.decode(layout.encode()).digest == layout.digest


def test_every_field_changes_the_digest(layout):
    others = [
        replace(layout, task="other"),
        replace(layout, base_model="ab" * 32),
        replace(layout, rank=8),
        replace(layout, alpha=16),
        replace(layout, frozen="ba" * 32),
        replace(layout, tensors=layout.tensors[:1]),
        replace(layout, tensors=(Tensor("a.lora_B", (20, 16)), layout.tensors[1])),
    ]
    assert len({layout.digest, *(other.digest for other in others)}) == len(others) + 1


@pytest.mark.parametrize(
    "changes",
    [
        {"task": ""},
        {"base_model": "AA" * 32},
        {"base_model": "aa" * 31},
        {"base_model": "0x" + "aa" * 31},
        {"mode": "lora"},
        {"rank": 0},
        {"rank": True},
        {"alpha": 1.5},
        {"frozen": None},
        {"tensors": ()},
        {"tensors": (Tensor("b", (1,)), Tensor("a", (1,)))},
        {"tensors": (Tensor("a", (1,)), Tensor("a", (2,)))},
        {"tensors": (Tensor("a", (MAX_LANES,)), Tensor("b", (1,)))},
    ],
)
def test_other_fields_are_refused(layout, changes):
    with pytest.raises(BadLayout):
        replace(layout, **changes)


@pytest.mark.parametrize("shape", [(), (0,), (-1, -1), (1.0,), (True,), (1,) * 9, (2**70,)])
def test_shapes_without_sizes_are_refused(shape):
    with pytest.raises(BadLayout):
        Tensor("a", shape)


@pytest.mark.parametrize(
    "edit",
    [
        lambda document: document.pop("rank"),
        lambda document: document.update(extra=1),
        lambda document: document.update(format="collegium-layout/2"),
        lambda document: document.update(tensors={"a": [1]}),
        lambda document: document.update(tensors=[["a", [1], "more"]]),
        lambda document: document.update(tensors=[["a", "1"]]),
        lambda document: document.update(tensors=[[1, [1]]]),
    ],
)
def test_documents_of_another_form_are_refused(layout, edit):
    document = layout.to_json()
    edit(document)
    with pytest.raises(BadLayout):
        Layout.from_json(document)


def test_documents_that_are_not_objects_are_refused():
    with pytest.raises(BadLayout):
        Layout.from_json([1])
    with pytest.raises(NotCanonical):
        Layout.decode(b"{ }")


def test_flatten_concatenates_row_major_and_unflatten_undoes_it(layout):
    tensors = {
        "b.lora_B": np.arange(17, dtype=np.float32),
        "a.lora_B": np.arange(320, dtype=np.float32).reshape(16, 20) + 100,
    }
    vector = layout.flatten(tensors)
    assert vector.shape == (512,) and vector.dtype == np.float32
    assert list(vector[:3]) == [100, 101, 102] and list(vector[320:323]) == [0, 1, 2]
    assert not vector[337:].any()
    for view in (vector, vector[:337]):
        back = layout.unflatten(view)
        assert list(back) == ["a.lora_B", "b.lora_B"]
        assert all(np.array_equal(back[name], tensors[name]) for name in tensors)


def test_flatten_refuses_other_tensors(layout):
    good = layout.unflatten(np.zeros(337, np.float32))
    for bad in (
        {"a.lora_B": good["a.lora_B"]},
        good | {"c": np.zeros(1)},
        good | {"b.lora_B": np.zeros((17, 1))},
        good | {"a.lora_B": good["a.lora_B"].T},
    ):
        with pytest.raises(BadLayout):
            layout.flatten(bad)
    with pytest.raises(BadLayout):
        layout.unflatten(np.zeros(338, np.float32))
