"""Write a bundle into a folder beside its place, and move it there when it is complete."""

import hashlib
import os
import shutil
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

from collegium.audit.bundle import parse_line
from collegium.audit.fields import number
from collegium.audit.index import BLOCKS, INDEX, File, blob_path
from collegium.errors import BadBundle, BundleExists
from collegium.evidence.collect import blob_digest

_EPOCH = (1980, 1, 1, 0, 0, 0)  # one date for all files, so that equal bundles have equal bytes
_CHUNK = 1 << 20
MARK = ".collegium-export"
"""File in an unfinished bundle that says that an export wrote it."""


class BundleWriter:
    """Writes the files of one bundle, and continues an interrupted export.

    Args:
        out: directory, or zip file if it ends in ``.zip``.

    Raises:
        BundleExists: ``out`` exists, or the folder beside it belongs to something else.
    """

    def __init__(self, out: str | Path) -> None:
        self.out = Path(out)
        if self.out.exists():
            raise BundleExists(
                expected=f"nothing at {self.out}",
                found="a file or folder",
                action="Pass another path, or remove what is there.",
            )
        self.folder = self.out.with_name(self.out.name + ".partial")
        if self.folder.exists() and not (self.folder / MARK).exists():
            raise BundleExists(
                expected=f"nothing at {self.folder}, where the bundle is written first",
                found="a file or folder that no export wrote",
                action="Pass another path, or move it away.",
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / MARK).touch()
        (self.folder / "blobs").mkdir(exist_ok=True)
        (self.folder / "chain").mkdir(exist_ok=True)

    def write(self, name: str, data: bytes) -> None:
        """Write one file, in one step."""
        path = self.folder / name
        partial = path.with_name(path.name + ".new")
        partial.write_bytes(data)
        partial.replace(path)

    def blob(self, data: bytes) -> str:
        """Write a blob under its SHA-256 (hex), and return that."""
        digest = blob_digest(data)
        path = self.folder / blob_path(digest)
        if not path.exists():
            self.write(blob_path(digest), data)
        return digest

    def blocks_so_far(self, is_ours: Callable[[int, str], bool]) -> int | None:
        """The last block that an earlier attempt wrote; None if there is nothing to continue.

        Args:
            is_ours: whether the chain's block of this number has this hash.
        """
        path, last, end = self.folder / BLOCKS, None, 0
        if not path.exists():
            return None
        with path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break  # cut short by the interruption
                end += len(line)
                last = line
        os.truncate(path, end)
        try:
            block, _ = parse_line(last or b"")
            height, block_hash = number(block["number"]), str(block["hash"])
        except (BadBundle, KeyError, ValueError):
            height, block_hash = 0, ""
        if block_hash and is_ours(height, block_hash):
            return height
        path.unlink()  # of another chain, or from before a reorganisation
        return None

    def append_blocks(self, lines: Iterable[bytes]) -> None:
        """Add lines, without their ends, to the chain file."""
        with (self.folder / BLOCKS).open("ab") as file:
            for line in lines:
                file.write(line + b"\n")

    def keep_only(self, blobs: Iterable[str]) -> None:
        """Remove blobs of an earlier attempt that are not among ``blobs`` (SHA-256 in hex)."""
        wanted = {blob_path(digest) for digest in blobs}
        for path in (self.folder / "blobs").iterdir():
            if path.relative_to(self.folder).as_posix() not in wanted:
                path.unlink()

    def files(self) -> tuple[File, ...]:
        """Every file but the index, with size and digest."""
        found = []
        for path in self._written():
            name = path.relative_to(self.folder).as_posix()
            if name != INDEX:
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                found.append(File(name, path.stat().st_size, digest))
        return tuple(sorted(found, key=lambda file: file.path))

    def finish(self) -> Path:
        """Move the bundle to its place in one step; returns the place."""
        if self.out.suffix != ".zip":
            (self.folder / MARK).unlink()
            self.folder.rename(self.out)
            return self.out
        partial = self.folder / (MARK + ".zip")
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as bundle:
            for path in self._written():
                info = zipfile.ZipInfo(path.relative_to(self.folder).as_posix(), _EPOCH)
                # The upper 16 bits are the Unix permissions.
                info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                with path.open("rb") as source, bundle.open(info, "w") as target:
                    shutil.copyfileobj(source, target, _CHUNK)
        partial.replace(self.out)
        shutil.rmtree(self.folder)
        return self.out

    def _written(self) -> list[Path]:
        """All files of the bundle."""
        paths = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return [path for path in paths if not path.name.startswith(MARK)]
