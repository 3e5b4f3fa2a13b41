"""Content-addressed blobs on any fsspec file system (a folder, S3, memory, …).

A blob's name is the SHA-256 of its bytes, so a reader need not trust the store: reading returns
bytes with the right digest or raises. Writing the same bytes again writes nothing.
"""

import hashlib
import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import fsspec

from collegium.errors import BlobCorrupt, BlobMissing, Oversized

_NAME = re.compile(r"[0-9a-f]{64}")


class BlobStore:
    """Blobs below one root.

    Args:
        root: a folder or an fsspec URL, such as ``s3://bucket/prefix``.
    """

    def __init__(self, root: str | Path) -> None:
        self.fs, self.root = fsspec.url_to_fs(str(root))

    def _path(self, digest: str) -> str:
        if not _NAME.fullmatch(digest):
            raise BlobMissing(
                expected="a SHA-256 in 64 lower-case hex digits",
                found=repr(digest),
                action="Copy the digest from the manifest or the event.",
            )
        return f"{self.root}/{digest[:2]}/{digest}"

    def put(self, data: bytes) -> str:
        """Store ``data`` and return its digest (hex). A crash never leaves a half-written blob."""
        digest = hashlib.sha256(data).hexdigest()
        path = self._path(digest)
        # The size shows a blob that a full disk or a broken copy cut short.
        if digest in self and self.fs.size(path) == len(data):
            return digest
        self.fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        # A unique name, so that two writers of the same blob do not share a partial file.
        partial = f"{path}.{uuid.uuid4().hex}"
        self.fs.pipe_file(partial, data)
        self.fs.mv(partial, path)
        return digest

    def get(self, digest: str, limit: int | None = None) -> bytes:
        """The bytes of ``digest``.

        Args:
            digest: SHA-256 in hex.
            limit: largest number of bytes to read; checked before reading.

        Raises:
            BlobMissing: there is no such blob.
            Oversized: it is longer than ``limit``.
            BlobCorrupt: its bytes have another digest.
        """
        path = self._path(digest)
        if digest not in self:
            raise BlobMissing(
                expected=f"blob {digest} in {self.root}",
                found="nothing under that name",
                action="Ask a member of the round for the blob, or pass a store that has it.",
            )
        size = self.fs.size(path)
        if limit is not None and size > limit:
            raise Oversized(
                expected=f"at most {limit} bytes for blob {digest}",
                found=f"{size} bytes",
                action="Do not use this blob: its sender broke the layout.",
            )
        data: bytes = self.fs.cat_file(path)
        if (found := hashlib.sha256(data).hexdigest()) != digest:
            raise BlobCorrupt(
                expected=f"SHA-256 {digest}",
                found=found,
                action="The store serves wrong bytes: delete the blob and fetch it again.",
            )
        return data

    def tag(self, name: str, digest: str) -> None:
        """Record a blob under another name, such as ``states/ROOT``.

        A name can have several blobs. Do not trust a name: check that the content is what you
        asked for.
        """
        path = f"{self.root}/{name}/{digest}"
        self.fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        self.fs.pipe_file(path, b"")

    def tagged(self, name: str) -> set[str]:
        """Digests that were tagged with ``name``, or with a name below it."""
        return self._names(f"{self.root}/{name}")

    def size(self, digest: str) -> int:
        """Number of bytes of a stored blob."""
        return int(self.fs.size(self._path(digest)))

    def __contains__(self, digest: str) -> bool:
        return bool(self.fs.exists(self._path(digest)))

    def __iter__(self) -> Iterator[str]:
        for path in self._files(self.root):
            *_, folder, name = path.split("/")
            if _NAME.fullmatch(name) and folder == name[:2]:  # elsewhere the name is a tag's
                yield name

    def _names(self, folder: str) -> set[str]:
        names = (path.rpartition("/")[2] for path in self._files(folder))
        return {name for name in names if _NAME.fullmatch(name)}

    def _files(self, folder: str) -> list[str]:
        return list(self.fs.find(folder)) if self.fs.exists(folder) else []
