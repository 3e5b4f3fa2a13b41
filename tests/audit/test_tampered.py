"""One byte of evidence changed anywhere: the audit fails and names the file."""

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collegium import evidence
from collegium.audit.index import BLOCKS, INDEX
from collegium.audit.report import AuditResult


def _flip(path: Path, position: int, mask: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= mask
    path.write_bytes(bytes(data))


def _names(root: Path) -> list[str]:
    return sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())


def _named(name: str, result: AuditResult) -> bool:
    """Whether a finding names the file. A digest altered in the index is one of another file."""
    return name == INDEX or any(name in finding.record for finding in result.findings)


def test_a_byte_of_every_file(bundle: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(bundle, tmp_path / "copy"))
    names = _names(copy)
    assert len(names) == 4 + 12 + 4  # index, chain, card, layout; updates; states
    for name in names:
        path = copy / name
        data = path.read_bytes()
        for position in (0, len(data) // 2, len(data) - 1):
            _flip(path, position, 1)
            result = evidence.audit(copy)
            assert not result.ok, (name, position)
            assert _named(name, result), (name, position)
            path.write_bytes(data)
    assert evidence.audit(copy).ok


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_any_byte_of_any_file(bundle: Path, tmp_path: Path, data: st.DataObject) -> None:
    copy = tmp_path / "copy"
    if not copy.exists():
        shutil.copytree(bundle, copy)
    name = data.draw(st.sampled_from([*_names(copy), BLOCKS, INDEX]))
    path = copy / name
    before = path.read_bytes()
    position = data.draw(st.integers(0, len(before) - 1))
    try:
        _flip(path, position, data.draw(st.integers(1, 255)))
        result = evidence.audit(copy)
        assert not result.ok
        assert _named(name, result)
    finally:
        path.write_bytes(before)


@pytest.mark.parametrize("change", ["cut", "grown", "removed", "added"])
def test_files_that_come_and_go(bundle: Path, tmp_path: Path, change: str) -> None:
    copy = Path(shutil.copytree(bundle, tmp_path / "copy"))
    name = next(name for name in _names(copy) if name.startswith("blobs/"))
    path = copy / name
    if change == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    elif change == "grown":
        path.write_bytes(path.read_bytes() + b"\0")
    elif change == "removed":
        path.unlink()
    else:
        name = "blobs/" + "0" * 64
        (copy / name).write_bytes(b"unasked")
    findings = evidence.audit(copy).findings
    assert any(f.code == "file" and name in f.record for f in findings)


def test_a_stray_file_is_named(bundle: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(bundle, tmp_path / "copy"))
    (copy / "readme.txt").write_text("trust me")
    assert {f.record for f in evidence.audit(copy).findings} == {"readme.txt"}
