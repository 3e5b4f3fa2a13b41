"""The files of a bundle: all there, none added, each with the listed size and digest."""

from collections.abc import Callable
from functools import partial

from collegium.audit.bundle import Bundle
from collegium.audit.index import BLOCKS, INDEX, File, Index, blob_path
from collegium.audit.trail import Trail
from collegium.protocol.names import CARD, LAYOUT


def check(trail: Trail, bundle: Bundle, index: Index, progress: Callable[[int], None]) -> None:
    """Compare the files with their list in ``bundle.json``."""
    listed = {file.path: file for file in index.files}
    for name in (BLOCKS, CARD, LAYOUT):
        if name not in listed:
            trail.violation("file", name, "an entry in bundle.json", "none")
    for name in sorted(bundle.sizes.keys() - listed.keys() - {INDEX}):
        trail.violation("file", name, "an entry in bundle.json", "none")
    for done, (name, file) in enumerate(listed.items(), start=1):
        if name not in bundle.sizes:
            trail.violation("file", name, f"{file.size} bytes", "no such file")
        else:
            trail.attempt("file", name, partial(_content, trail, bundle, file))
        progress(done)
    _check_uses(trail, index)


def _content(trail: Trail, bundle: Bundle, file: File) -> None:
    size, sha256 = bundle.digest(file.path)
    trail.expect("file", f"{file.path}, size", file.size, size)
    trail.expect("file", f"{file.path}, SHA-256", file.sha256, sha256)
    if file.path.startswith("blobs/"):
        trail.expect("file", f"{file.path}, name", file.path, blob_path(sha256))


def _check_uses(trail: Trail, index: Index) -> None:
    """Check that every blob is referred to, and that everything referred to is there."""
    used = {blob_path(digest) for digest in index.blobs}
    blobs = {file.path for file in index.files if file.path.startswith("blobs/")}
    for path in sorted(used - blobs):
        trail.violation("blob", path, "the file that bundle.json refers to", "none")
    for path in sorted(blobs - used):
        trail.violation("blob", path, "an update, envelope or state in bundle.json", "no mention")
