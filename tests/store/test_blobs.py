"""Blobs come back with the right digest or not at all."""

import hashlib
from pathlib import Path

import pytest

from collegium.errors import BlobCorrupt, BlobMissing, Oversized
from collegium.store import BlobStore


def test_round_trip(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "store")
    digest = store.put(b"adapter")
    assert digest == hashlib.sha256(b"adapter").hexdigest()
    assert store.get(digest) == b"adapter"
    assert list(store) == [digest]


def test_putting_twice_is_one_blob_and_leaves_no_partial_file(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    assert store.put(b"x") == store.put(b"x")
    assert len([p for p in tmp_path.rglob("*") if p.is_file()]) == 1


def test_store_serving_wrong_bytes_is_caught(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    digest = store.put(b"good")
    (tmp_path / digest[:2] / digest).write_bytes(b"evil")
    with pytest.raises(BlobCorrupt, match="CG409"):
        store.get(digest)


def test_truncated_blob_is_replaced_by_the_next_put(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    digest = store.put(b"whole")
    (tmp_path / digest[:2] / digest).write_bytes(b"who")
    assert store.put(b"whole") == digest
    assert store.get(digest) == b"whole"


def test_limit_is_checked_before_reading(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    with pytest.raises(Oversized, match="CG403"):
        store.get(store.put(b"x" * 100), limit=99)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64])
def test_missing_or_malformed_names(tmp_path: Path, name: str) -> None:
    with pytest.raises(BlobMissing, match="CG408"):
        BlobStore(tmp_path).get(name)


def test_any_fsspec_url() -> None:
    store = BlobStore("memory://collegium-test")
    assert store.get(store.put(b"in memory")) == b"in memory"
