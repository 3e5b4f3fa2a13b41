"""Damaged and absurd inputs by the thousand: each is used, or is a numbered error.

The generators are seeded, so a failure is there again in the next run. What a command line makes of
an error is checked in ``test_commands.py`` beside this.
"""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from collegium.consortium.card_file import CardFile
from collegium.errors import CollegiumError
from collegium.protocol.card import TaskCard
from collegium.protocol.layout import Layout
from collegium.tasks.xray.folder import read_folder
from collegium.tasks.xray.pictures import read_image
from collegium.workspace.home import NodeHome
from collegium.workspace.run import Run

Rng = np.random.Generator
NASTY = (
    b"", b"\0", b"\xff\xfe", b"\xed\xa0\xbd", b"[" * 9_000, b'{"a":' * 3_000, b"1e999", b"NaN",
    b"-0", b"9" * 5_000, b"true", b"null", b'"' * 50, b"\r", b"\n\n", b"<image>", 
    "\u202e\u0660".encode(),
    b"../../../etc/passwd", b"0x123", b"1_000", b"99999999999999999999999",
)  # fmt: skip


def mutants(seed: bytes, count: int, rng: Rng) -> Iterator[bytes]:
    """Variations of a valid input: bytes replaced, pieces lost, doubled or made absurd."""
    for _ in range(count):
        data = bytearray(seed)
        for _ in range(int(rng.integers(1, 5))):
            place = int(rng.integers(0, len(data) + 1))
            match int(rng.integers(0, 5)):
                case 0 if place < len(data):
                    data[place] = int(rng.integers(0, 256))
                case 1:
                    del data[place : place + int(rng.integers(1, 30))]
                case 2:
                    data[place:place] = data[: int(rng.integers(1, 60))]
                case 3:
                    data[place : place + int(rng.integers(0, 12))] = NASTY[rng.integers(len(NASTY))]
                case _:
                    del data[place:]
        yield bytes(data)


def check(read: Callable[[], object], data: bytes) -> int:
    """1 if the input is used, 0 if it is a numbered error; any other exception is a failure."""
    try:
        read()
    except CollegiumError as error:
        assert error.code.startswith("CG") and error.expected and error.found and error.action
        return 0
    except Exception as error:
        raise AssertionError(f"{type(error).__name__}: {error} for {data[:200]!r}") from error
    return 1


def picture(kind: str) -> bytes:
    pixels = (np.arange(600).reshape(20, 30) * 100).astype(np.uint16)
    image = Image.fromarray(pixels) if kind in ("PNG", "TIFF") else Image.fromarray(pixels % 256)
    out = io.BytesIO()
    (image if kind in ("PNG", "TIFF") else image.convert("L")).save(out, format=kind)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "JPEG2000", "WEBP", "PPM"])
def test_pictures(kind: str, tmp_path: Path) -> None:
    path, rng = tmp_path / "x", np.random.default_rng(1)
    for data in mutants(picture(kind), 600, rng):
        path.write_bytes(data)
        check(lambda: read_image(path), data)


LINES = b"".join(
    json.dumps(
        {"file_name": f"{k}.png", "question": "Is there?", "answer": "yes", "patient": k, "x": 1.5}
    ).encode()
    + b"\n"
    for k in range(2)
)
ROWS = b'file_name,question,answer,patient\n0.png,Is there?,yes,7\n1.png,"a, b",no,8\n'


@pytest.mark.parametrize(("name", "seed"), [("metadata.jsonl", LINES), ("metadata.csv", ROWS)])
def test_metadata(name: str, seed: bytes, tmp_path: Path) -> None:
    for number in range(2):
        Image.new("L", (4, 4)).save(tmp_path / f"{number}.png")
    rng, used = np.random.default_rng(2), 0
    for data in mutants(seed, 4_000, rng):
        (tmp_path / name).write_bytes(data)
        used += check(lambda: read_folder(tmp_path), data)
    assert 10 < used < 3_990, "mutants are neither all alike nor all refused"


CARD = b"""
name = "X-rays"
challenge = "challenge"
deposit = "5000"
[recipe]
rounds = 2
[limits]
norm = 100.0
cosine = 0.98
[scoring]
estimator = "mean-field"
samples = 2
[terms]
reward = "1000"
stake = "500"
committee = 3
merge_rule = "trimmed"
trim = 1
commit_window = 60
"""


def test_card_files(tmp_path: Path) -> None:
    path, rng, used = tmp_path / "card.toml", np.random.default_rng(3), 0
    for data in mutants(CARD, 4_000, rng):
        path.write_bytes(data)
        used += check(lambda: CardFile.read(path), data)
    assert 10 < used < 3_990


@pytest.mark.parametrize("decode", [TaskCard.decode, Layout.decode])
def test_canonical_documents(decode: Callable[[bytes], object]) -> None:
    from tests.support.world import LAYOUT

    for data in mutants(LAYOUT.encode(), 1_500, np.random.default_rng(4)):
        check(lambda data=data: decode(data), data)  # type: ignore[misc]


def test_state_files(tmp_path: Path) -> None:
    """``run.json`` and ``node.json``, as an editor or a full disk leaves them."""
    run = b'{"version": 1, "chain": "chain.sqlite", "federation": "0x1", "nodes": ["a"]}'
    node = b'{"name": "a", "chain": "x", "federation": "0x1", "data": "d", "challenge": "c"}'
    for name, seed, read in (
        ("run.json", run, lambda: Run.load(tmp_path)),
        ("node.json", node, lambda: NodeHome(tmp_path).settings()),
    ):
        for data in mutants(seed, 1_500, np.random.default_rng(5)):
            (tmp_path / name).write_bytes(data)
            check(read, data)
