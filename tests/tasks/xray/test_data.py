"""Reading hospitals' folders: what is accepted, what is refused, and how sets are divided."""

import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from collegium.errors import BadMetadata, DataError, EmptySite, MissingMetadata, UnreadableImage
from collegium.tasks.xray import metadata, pictures
from collegium.tasks.xray.data import Dataset, Example, join
from collegium.tasks.xray.folder import read_folder, write_folder
from collegium.tasks.xray.pictures import Picture, read_image

LINE = {"file_name": "a.png", "question": "Is there pneumonia?", "answer": "yes"}


def site(folder: Path, *lines: object, images: tuple[str, ...] = ("a.png",)) -> Path:
    folder.mkdir(exist_ok=True)
    for name in images:
        Image.new("L", (8, 6), 100).save(folder / name)
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    (folder / "metadata.jsonl").write_text(text)
    return folder


def dataset(patients: list[int]) -> Dataset:
    examples = [
        Example(f"{k}.png", "Is there pneumonia?", ("yes", "no")[k % 2], "yes/no", f"p{patient}")
        for k, patient in enumerate(patients)
    ]
    images = {e.image: Picture(Path("unseen"), e.image, 0, 0) for e in examples}
    return Dataset("site", tuple(examples), images)


def test_lines_become_examples(tmp_path):
    lines = [
        LINE,
        {**LINE, "question": "What is the diagnosis?", "answer": " left pleurisy ", "patient": "7"},
        {**LINE, "question_type": "view", "age": 4},
    ]
    read = read_folder(site(tmp_path, *lines, ""))
    assert [e.kind for e in read.examples] == ["yes/no", "open", "view"]
    assert [e.patient for e in read.examples] == ["a.png", "7", "a.png"]
    assert read.examples[1].answer == "left pleurisy"
    pixels = read.images["a.png"].pixels()
    assert pixels.shape == (6, 8) and pixels.dtype == np.uint8


def test_missing_folder_and_missing_metadata(tmp_path):
    with pytest.raises(MissingMetadata, match="no such folder"):
        read_folder(tmp_path / "nowhere")
    with pytest.raises(MissingMetadata, match="no such file"):
        read_folder(tmp_path)


def test_a_folder_without_lines_is_refused(tmp_path):
    with pytest.raises(EmptySite):
        read_folder(site(tmp_path, "", "  "))


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("{not json", "invalid JSON"),
        ("[1, 2]", "a JSON list"),
        ("[" * 5000, "invalid JSON"),
        ({"file_name": "a.png", "question": "q"}, '"answer" missing'),
        ({**LINE, "answer": 3}, '3 instead of a text in "answer"'),
        ({**LINE, "answer": "  "}, 'an empty text in "answer"'),
        ({**LINE, "question": "x" * 2001}, '2,001 characters in "question"'),
        ({**LINE, "question": "cut \ud83d"}, "U+D83D, which is half of a character"),
        ({**LINE, "patient": "\udfff"}, "U+DFFF, which is half of a character"),
        ({**LINE, "file_name": "\ud83d.png"}, "U+D83D, which is half of a character"),
        ({**LINE, "answer": "a\0b"}, "control character U+0000"),
        ({**LINE, "answer": "\x1b[31mred"}, "control character U+001B"),
        ({**LINE, "question": "<image>\nIs it?"}, "<image>, a special token"),
        ({**LINE, "answer": "yes</s>"}, "</s>, a special token"),
        ({**LINE, "answer": "<|im_end|>"}, "<|im_end|>, a special token"),
        ({**LINE, "note": "x" * 20_000}, "bytes"),
        ({**LINE, "file_name": "../secret.png"}, "leaves the folder"),
        ({**LINE, "file_name": "/etc/hostname"}, "leaves the folder"),
        ({**LINE, "file_name": "a\0.png"}, "file_name"),
        ({**LINE, "patient": [12]}, '"patient"'),
        ({**LINE, "patient": True}, '"patient"'),
    ],
)
def test_a_bad_line_is_named_by_file_and_number(tmp_path, line, found):
    with pytest.raises(BadMetadata) as caught:
        read_folder(site(tmp_path, LINE, line))
    assert found in caught.value.found
    assert "metadata.jsonl:2" in caught.value.found


def test_what_looks_like_a_token_in_other_texts_is_allowed(tmp_path):
    lines = [
        {**LINE, "question": "Is a < b > c?", "answer": "[no]", "patient": "<s>", "line": 1},
        {**LINE, "question_type": "[/finding]", "answer": "größer, 胸, 👍\n"},
    ]
    first, second = read_folder(site(tmp_path, *lines)).examples
    assert (first.patient, second.kind) == ("<s>", "[/finding]")


def test_ids_may_be_numbers(tmp_path):
    read = read_folder(site(tmp_path, {**LINE, "patient": 12}, {**LINE, "patient": "12"}))
    assert {example.patient for example in read.examples} == {"12"}


HEADER = "file_name,question,answer,patient"


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}\na.png,Is there pneumonia?,yes,7\n",
        f"\ufeff{HEADER}\r\na.png,Is there pneumonia?,yes,7\r\n\r\n",
        "patient,answer,question,file_name,age\n7,yes,Is there pneumonia?,a.png,\n",
        f'{HEADER}\n"a.png","Is there pneumonia?","yes",7',
    ],
)
def test_metadata_may_be_csv(tmp_path, text):
    folder = site(tmp_path)
    (folder / "metadata.jsonl").unlink()
    (folder / "metadata.csv").write_text(text, newline="", encoding="utf-8")
    same = site(tmp_path / "same", {**LINE, "patient": 7})
    read = read_folder(folder)
    assert read.examples == read_folder(same).examples
    assert read.digest == read_folder(same).digest


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f'{HEADER}\na.png,"two\nlines, ""quoted""",yes,\na.png,,yes,', '"question" missing'),
        (f"{HEADER}\na.png,q,yes,7\na.png,q,yes,7,8", "5 cells under 4 column names"),
        (f"{HEADER},patient\na.png,q,yes,7,8", "twice"),
        (f'{HEADER}\na.png,q,yes,7\na.png,"open', "invalid CSV"),
        ("file_name;question;answer\na.png;q;yes", '"file_name" missing'),
        (f"{HEADER}\na.png,q,y\udce9s,7", "half of a character"),
        (f"{HEADER}\na.png,{'x' * 20_000},yes,7", "characters"),
    ],
)
def test_a_bad_row_is_named_by_file_and_number(tmp_path, text, found):
    folder = site(tmp_path)
    (folder / "metadata.jsonl").unlink()
    (folder / "metadata.csv").write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(BadMetadata, match=r"metadata\.csv:\d") as caught:
        read_folder(folder)
    assert found in caught.value.found


def test_two_metadata_files_are_refused(tmp_path):
    folder = site(tmp_path, LINE)
    (folder / "metadata.csv").write_text("file_name,question,answer\n")
    with pytest.raises(BadMetadata, match="both"):
        read_folder(folder)


@pytest.mark.parametrize("name", ["Metadata.jsonl", "metadata.json", "my_metadata.csv"])
def test_a_metadata_file_of_another_name_is_named(tmp_path, name):
    folder = site(tmp_path, LINE)
    (folder / "metadata.jsonl").rename(folder / name)
    with pytest.raises(MissingMetadata, match=name):
        read_folder(folder)


@settings(max_examples=200)
@given(st.binary(max_size=300), st.sampled_from(["metadata.jsonl", "metadata.csv"]))
def test_any_bytes_are_examples_or_a_numbered_error(tmp_path_factory, data, name):
    folder = tmp_path_factory.mktemp("any")
    (folder / name).write_bytes(data)
    with pytest.raises(DataError):
        read_folder(folder)


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    outside = site(tmp_path / "outside", LINE)
    inside = site(tmp_path / "inside", LINE, images=())
    (inside / "a.png").symlink_to(outside / "a.png")
    with pytest.raises(BadMetadata, match="leaves the folder"):
        read_folder(inside)


def test_a_huge_metadata_file_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(metadata, "MAX_METADATA_BYTES", 10)
    with pytest.raises(BadMetadata, match="bytes"):
        read_folder(site(tmp_path, LINE))


def test_bad_images_are_named(tmp_path):
    with pytest.raises(UnreadableImage, match=r"gone\.png"):
        read_folder(site(tmp_path, {**LINE, "file_name": "gone.png"}))
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(UnreadableImage, match=r"folder\.png"):
        read_folder(site(tmp_path, {**LINE, "file_name": "folder.png"}))
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(UnreadableImage, match="none of these formats"):
        read_image(tmp_path / "text.png")
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableImage):
        read_image(tmp_path / "cut.png")


def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path):
    """A PNG of a few bytes that claims 60,000 x 60,000 pixels."""
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    body = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99))
    (tmp_path / "bomb.png").write_bytes(body + chunk(b"IEND", b""))
    with pytest.raises(UnreadableImage):
        read_image(tmp_path / "bomb.png")


def test_pixels_are_bounded_below_the_library_s_own_limit(tmp_path, monkeypatch):
    Image.new("L", (20, 10)).save(tmp_path / "a.png")
    monkeypatch.setattr("collegium.tasks.xray.bounds.MAX_PIXELS", 199)
    with pytest.raises(UnreadableImage, match="20 x 10 pixels"):
        read_image(tmp_path / "a.png")


def chunk(kind: bytes, payload: bytes) -> bytes:
    check = zlib.crc32(kind + payload)
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", check)


def test_long_images_are_reduced(tmp_path):
    Image.new("RGB", (3_000, 1_500), (9, 9, 9)).save(tmp_path / "long.png")
    assert read_image(tmp_path / "long.png").shape == (512, 1_024)


@given(st.lists(st.integers(0, 12), min_size=2, max_size=60), st.sampled_from([0.1, 0.25, 0.5]))
@settings(max_examples=60)
def test_a_split_divides_patients(patients, share):
    whole = dataset(patients)
    rest, held = whole.split(share)
    assert not {e.patient for e in rest.examples} & {e.patient for e in held.examples}
    assert sorted(e.image for e in rest.examples + held.examples) == sorted(whole.images)
    assert set(held.images) == {e.image for e in held.examples}
    if len(set(patients)) > 1:
        assert len(rest) and len(held)


def test_a_split_does_not_depend_on_the_order_of_lines():
    whole = dataset(list(range(40)))
    turned = Dataset("site", whole.examples[::-1], whole.images)
    assert set(whole.split(0.25)[1].examples) == set(turned.split(0.25)[1].examples)
    assert whole.split(0.25)[1].examples != whole.split(0.25, salt="other")[1].examples


def test_balanced_takes_answers_in_turn():
    examples = [
        Example(f"{k}.png", "Is there pneumonia?", "yes" if k < 5 else "no", "yes/no", str(k))
        for k in range(100)
    ]
    unseen = {e.image: Picture(Path("unseen"), e.image, 0, 0) for e in examples}
    whole = Dataset("site", tuple(examples), unseen)
    drawn = whole.balanced(10, seed=3)
    assert [e.answer for e in drawn.examples].count("yes") == 5
    assert drawn.examples == whole.balanced(10, seed=3).examples
    assert len(whole.balanced(1_000, seed=3)) == 100
    assert len(set(whole.balanced(1_000, seed=3).examples)) == 100


def test_join_keeps_equal_names_apart():
    joined = join([dataset([1, 2]), dataset([1, 3])])
    assert len(joined) == 4 and len(joined.images) == 4
    assert len({e.patient for e in joined.examples}) == 4


def test_the_digest_names_the_content(tmp_path):
    """Lines and file bytes; neither their order nor names of files and folders."""
    lines = [{**LINE, "file_name": f"{k}.png", "patient": str(k)} for k in range(3)]
    first = site(tmp_path / "first", *lines, images=("0.png", "1.png", "2.png"))
    turned = site(tmp_path / "turned", *lines[::-1], images=("0.png", "1.png", "2.png"))
    digest = read_folder(first).digest
    assert digest == read_folder(turned).digest
    named = [{**line, "file_name": f"x{line['file_name']}"} for line in lines]
    other_names = site(tmp_path / "named", *named, images=("x0.png", "x1.png", "x2.png"))
    assert digest == read_folder(other_names).digest
    Image.new("L", (8, 6), 99).save(turned / "1.png")
    assert digest != read_folder(turned).digest
    assert digest != read_folder(site(first, *lines[:2])).digest


def test_a_digest_decodes_nothing(tmp_path, monkeypatch):
    read = read_folder(site(tmp_path, LINE))
    monkeypatch.setattr(pictures, "_decode", lambda *_: pytest.fail("decoded"))
    assert len(read.digest) == 64


def test_listing_decodes_nothing_and_checking_decodes_all(tmp_path):
    (site(tmp_path, LINE, images=()) / "a.png").write_text("no image")
    read = read_folder(tmp_path)
    with pytest.raises(UnreadableImage, match=r"a\.png; found a file of none of these formats"):
        read.check()


def test_a_picture_that_changed_since_it_was_listed_is_refused(tmp_path):
    read = read_folder(site(tmp_path, LINE))
    Image.new("L", (9, 6), 100).save(tmp_path / "a.png")
    for look in (read.check, lambda: read.digest):
        with pytest.raises(UnreadableImage, match="changed"):
            look()


def test_a_file_that_is_too_large_is_refused_when_it_is_listed(tmp_path, monkeypatch):
    monkeypatch.setattr("collegium.tasks.xray.folder.MAX_FILE_BYTES", 10)
    with pytest.raises(UnreadableImage, match="bytes"):
        read_folder(site(tmp_path, LINE))


def test_a_written_folder_reads_as_the_same_data(tmp_path):
    lines = [{**LINE, "patient": "7"}, {**LINE, "question": "Where?", "answer": "left"}]
    dataset = read_folder(site(tmp_path / "first", *lines))
    again = read_folder(write_folder(dataset, tmp_path / "copy"))
    assert [(e.question, e.answer, e.kind, e.patient) for e in again.examples] == [
        (e.question, e.answer, e.kind, e.patient) for e in dataset.examples
    ]
    first, second = dataset.examples[0].image, again.examples[0].image
    assert np.array_equal(dataset.images[first].pixels(), again.images[second].pixels())
