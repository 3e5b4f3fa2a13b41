"""Manifests are well-formed or refused, and every field is in the digest."""

import hashlib
from dataclasses import replace

import pytest

from collegium.errors import BadManifest, NotCanonical
from collegium.protocol.canonical import canonical_json
from collegium.protocol.manifest import MAX_MANIFEST, Manifest, Privacy


@pytest.fixture
def manifest(hospital) -> Manifest:
    return replace(
        hospital.update().manifest, privacy=Privacy(1.0, 0.7, 8.0, 1e-5), planning="ee" * 32
    )


def test_a_manifest_survives_its_document(manifest):
    assert Manifest.decode(manifest.encode()) == manifest
    plain = replace(manifest, privacy=None, planning=None)
    assert Manifest.decode(plain.encode()) == plain


def test_the_update_digest_is_over_manifest_and_lanes(manifest):
    digest = hashlib.sha256(manifest.encode()).digest()
    lanes = bytes.fromhex(manifest.lane_root)
    assert manifest.update_digest == hashlib.sha256(b"\2" + digest + lanes).digest()


def test_every_field_changes_the_update_digest(manifest, hospitals):
    others = [
        replace(manifest, federation=hospitals[1].account),
        replace(manifest, chain_id=1),
        replace(manifest, round=8),
        replace(manifest, node=hospitals[1].account),
        replace(manifest, base="ab" * 32),
        replace(manifest, layout="ab" * 32),
        replace(manifest, bits=4),
        replace(manifest, lane_root="ab" * 32),
        replace(manifest, samples=121),
        replace(manifest, privacy=None),
        replace(manifest, privacy=replace(manifest.privacy, epsilon=7.9)),
        replace(manifest, planning=None),
    ]
    digests = {manifest.update_digest, *(other.update_digest for other in others)}
    assert len(digests) == len(others) + 1
    assert {field for field in Manifest.__dataclass_fields__} <= set(manifest.to_json())


@pytest.mark.parametrize(
    "changes",
    [
        {"federation": "0x5fbdb2315678afecb367f032d93f642f64180aa3"},  # no checksum
        {"federation": "5FbDB2315678afecb367f032d93F642f64180aa3"},
        {"node": "hospital-a"},
        {"node": None},
        {"chain_id": 0},
        {"chain_id": 2**53},
        {"round": 0},
        {"round": "7"},
        {"round": 7.0},
        {"base": "AB" * 32},
        {"base": "ab" * 33},
        {"layout": ""},
        {"bits": 3},
        {"bits": True},
        {"bits": 8.0},
        {"lane_root": "zz" * 32},
        {"samples": -1},
        {"samples": True},
        {"planning": "ee"},
    ],
)
def test_fields_out_of_range_are_refused(manifest, changes):
    with pytest.raises(BadManifest):
        replace(manifest, **changes)
    with pytest.raises(BadManifest):
        Manifest.from_json(manifest.to_json() | changes)


@pytest.mark.parametrize(
    "privacy",
    [
        {"clip": -1},
        {"noise": float("inf")},
        {"noise": float("nan")},
        {"epsilon": "8"},
        {"epsilon": True},
        {"delta": 1.5},
        {"delta": -1e-9},
    ],
)
def test_privacy_out_of_range_is_refused(privacy):
    with pytest.raises(BadManifest):
        replace(Privacy(1, 1, 1, 0), **privacy)


@pytest.mark.parametrize(
    "edit",
    [
        lambda document: document.pop("samples"),
        lambda document: document.update(patient="name"),
        lambda document: document.update(format="collegium-update/0"),
        lambda document: document.update(privacy=[1, 2, 3, 4]),
        lambda document: document["privacy"].pop("delta"),
        lambda document: document["privacy"].update(more=1),
    ],
)
def test_documents_of_another_form_are_refused(manifest, edit):
    document = manifest.to_json()
    edit(document)
    with pytest.raises(BadManifest):
        Manifest.from_json(document)


def test_the_size_of_a_manifest_is_limited(manifest):
    document = manifest.to_json() | {"note": "x" * MAX_MANIFEST}
    with pytest.raises(NotCanonical, match=f"at most {MAX_MANIFEST}"):
        Manifest.decode(canonical_json(document))
