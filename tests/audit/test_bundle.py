"""Bundles made to harm their reader are rejected before they are read."""

import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from collegium import evidence
from collegium.audit import bundle as reading
from collegium.audit.bundle import Bundle, parse_line
from collegium.audit.index import BLOCKS, INDEX, Index
from collegium.chain.parts import PARTS
from collegium.errors import BadBundle, BundleTooLarge, NoRun
from collegium.protocol.canonical import canonical_json


def _files(bundle: Path) -> dict[str, bytes]:
    paths = (path for path in bundle.rglob("*") if path.is_file())
    return {path.relative_to(bundle).as_posix(): path.read_bytes() for path in paths}


def _zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as made:
        for name, data in files.items():
            made.writestr(name, data)
    return path


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(BadBundle, match="CG601"):
        evidence.audit(tmp_path / "nothing")


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x03\x04" + bytes(200), b"rubbish" * 100])
def test_a_file_that_is_no_bundle(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bundle.zip").write_bytes(content)
    with pytest.raises(BadBundle):
        evidence.audit(tmp_path / "bundle.zip")


def test_a_folder_that_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BadBundle, match=r"bundle\.json"):
        evidence.audit(tmp_path)


def test_a_run_without_its_files(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(NoRun):
        evidence.audit(tmp_path)


def test_names_that_lead_elsewhere(bundle: Path, tmp_path: Path) -> None:
    """Nothing is extracted: a name with dots is a stray file, and none appears outside."""
    path = _zip(tmp_path / "x.zip", {**_files(bundle), "../outside": b"!", "/etc/motd": b"!"})
    result = evidence.audit(path)
    assert {"../outside", "/etc/motd"} <= {finding.record for finding in result.findings}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.zip"]


def test_the_same_name_twice(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as made, pytest.warns(UserWarning, match="Duplicate"):
        made.writestr(INDEX, b"{}")
        made.writestr(INDEX, b"[]")
    with pytest.raises(BadBundle, match="same name"):
        evidence.audit(path)


def test_an_encrypted_file(tmp_path: Path) -> None:
    path = _zip(tmp_path / "x.zip", {INDEX: b"{}"})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(data))
    with pytest.raises(BadBundle, match="encrypted"):
        evidence.audit(path)


@pytest.mark.parametrize("method", ["STORED", "DEFLATED", "BZIP2", "LZMA"])
def test_any_flipped_bit_of_a_zip_file_is_refused_or_harmless(tmp_path: Path, method: str) -> None:
    """Each way of compressing has its own ways to fail."""
    path = tmp_path / "x.zip"
    content = json.dumps({"format": ["collegium evidence"] * 8}).encode()
    with zipfile.ZipFile(path, "w", getattr(zipfile, f"ZIP_{method}")) as made:
        made.writestr(INDEX, content)
    whole, refused = path.read_bytes(), 0
    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bytes(damaged))
        try:
            with Bundle.open(path) as found:
                assert found.read(INDEX, 10_000) == content
                assert found.digest(INDEX)[0] == len(content)
        except (BadBundle, BundleTooLarge):
            refused += 1
    assert refused > len(whole)


def test_a_link_out_of_the_bundle(bundle: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(bundle, tmp_path / "copy"))
    (copy / "card.json").unlink()
    os.symlink("/etc/hostname", copy / "card.json")
    with pytest.raises(BadBundle, match="link"):
        evidence.audit(copy)


def test_too_many_files(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_FILES", 5)
    with pytest.raises(BundleTooLarge, match="CG602"):
        evidence.audit(bundle)


def test_too_many_bytes(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_BYTES", 1000)
    with pytest.raises(BundleTooLarge):
        evidence.audit(bundle)


def test_a_bomb(tmp_path: Path) -> None:
    """A document far beyond its limit is rejected by its size, before it is unpacked."""
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(INDEX, b" " * (reading.MAX_INDEX + 1))
    assert path.stat().st_size < 100_000
    with pytest.raises(BundleTooLarge):
        evidence.audit(path)


def test_a_size_that_lies(bundle: Path, tmp_path: Path) -> None:
    """The directory of the zip file says less than there is: reading ends there, and fails."""
    files = _files(bundle)
    path = _zip(tmp_path / "x.zip", files)
    data = bytearray(path.read_bytes())
    entry = data.index(b"card.json", data.index(b"PK\x01\x02")) - 46
    data[entry + 24 : entry + 28] = (10).to_bytes(4, "little")
    path.write_bytes(bytes(data))
    result = evidence.audit(path)
    assert any("card.json" in finding.record for finding in result.findings)


def test_an_endless_line(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_LINE", 1000)
    findings = evidence.audit(bundle).findings
    assert any(f.record == BLOCKS and "1000 bytes in a line" in f.expected for f in findings)


def test_a_zip_that_breaks_off(bundle: Path, tmp_path: Path) -> None:
    """A chain file whose checksum is wrong is read as far as it goes."""
    files = _files(bundle)
    path = _zip(tmp_path / "x.zip", files)
    assert evidence.audit(path).ok
    data = bytearray(path.read_bytes())
    data[data.index(b"chain/blocks.jsonl") + 50_000] ^= 1
    path.write_bytes(bytes(data))
    findings = evidence.audit(path).findings
    assert any(f.code == "block-form" and f.record == BLOCKS for f in findings)
    assert any(f.code == "file" and f.record == BLOCKS for f in findings)


def test_a_document_beyond_its_limit(bundle: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(bundle, tmp_path / "copy"))
    (copy / "card.json").write_bytes(b" " * (1 << 21))
    findings = evidence.audit(copy).findings
    assert any(f.code == "card" and "1048576 bytes" in f.expected for f in findings)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"null",
        b"[1]",
        b'{"block": {"transactions": []}}',
        b'{"block": {"transactions": []}, "receipts": [], "more": 1}',
        b'{"block": {"transactions": ["0x12"]}, "receipts": []}',
        b'{"block": {"transactions": []}, "receipts": [1]}',
        b'{"block": {"transactions": [], "transactions": []}, "receipts": []}',
        b"[" * 100_000,
        b'{"block": ' + b"9" * 5000 + b"}",
    ],
)
def test_lines_that_are_no_blocks(line: bytes) -> None:
    with pytest.raises(BadBundle):
        parse_line(line)


@pytest.mark.parametrize("name", ["bundle.json", "card.json", "layout.json", BLOCKS])
def test_nesting_that_would_exhaust_the_stack(bundle: Path, tmp_path: Path, name: str) -> None:
    copy = Path(shutil.copytree(bundle, tmp_path / "copy"))
    (copy / name).write_bytes(b'{"a":' * 100_000)
    assert not evidence.audit(copy).ok


@pytest.mark.parametrize("line", [b"{}", b"{", b'{"block":{"transactions":[]},"receipts":[]}'])
def test_a_line_that_is_no_block_is_a_finding(bundle: Path, tmp_path: Path, line: bytes) -> None:
    copy = Path(shutil.copytree(bundle, tmp_path / "copy"))
    lines = (copy / BLOCKS).read_bytes().splitlines()
    lines[9] = line
    (copy / BLOCKS).write_bytes(b"\n".join(lines) + b"\n")
    findings = evidence.audit(copy).findings
    assert any("line 10" in finding.record for finding in findings)
    lines[0] = line
    (copy / BLOCKS).write_bytes(b"\n".join(lines) + b"\n")
    result = evidence.audit(copy)
    assert any("creates the vault" in finding.expected for finding in result.findings)
    lines[len(PARTS)] = line
    (copy / BLOCKS).write_bytes(b"\n".join(lines) + b"\n")
    result = evidence.audit(copy)
    assert any(finding.code == "deployment" for finding in result.findings)
    assert any("creation is not proven" in item.reason for item in result.unchecked)


def test_no_blocks_at_all(bundle: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(bundle, tmp_path / "copy"))
    (copy / BLOCKS).write_bytes(b"")
    assert any(finding.code == "head" for finding in evidence.audit(copy).findings)
    (copy / BLOCKS).unlink()
    assert any(BLOCKS in finding.record for finding in evidence.audit(copy).findings)


@pytest.mark.parametrize("name", ["card.json", "layout.json"])
def test_a_missing_document(bundle: Path, tmp_path: Path, name: str) -> None:
    copy = Path(shutil.copytree(bundle, tmp_path / "copy"))
    (copy / name).unlink()
    result = evidence.audit(copy)
    assert any(f.record == name for f in result.findings)
    assert any(name in item.subject for item in result.unchecked)
    assert result.money.earned > 0  # the money needs neither


def test_the_index_says_things_once(bundle: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(bundle, tmp_path / "copy"))
    document = json.loads((bundle / INDEX).read_bytes())
    for text in (
        json.dumps(document, indent=1),
        json.dumps({**document, "extra": 1}, separators=(",", ":"), sort_keys=True),
        json.dumps({**document, "files": document["files"][::-1]}, separators=(",", ":")),
        "[]",
    ):
        (copy / INDEX).write_text(text)
        result = evidence.audit(copy)
        assert [finding.code for finding in result.findings] == ["bundle"]
        assert result.to_json()["money"] is None


@pytest.mark.parametrize("number", [1, 2, 4])
def test_an_index_of_another_format_is_called_that(number: int) -> None:
    """Another format has other fields; the error names the format, not the fields."""
    other = {"format": f"collegium-evidence/{number}", "vault": "0x" + "11" * 20}
    with pytest.raises(BadBundle, match=f"'format'.*collegium-evidence/3.*evidence/{number}"):
        Index.decode(canonical_json(other))


def test_a_zip_is_closed_again(bundle: Path, tmp_path: Path) -> None:
    files = _files(bundle)
    path = _zip(tmp_path / "x.zip", files)
    with Bundle.open(path) as opened:
        assert INDEX in opened.sizes
    with pytest.raises(ValueError, match="closed"):
        opened.stream(INDEX)
