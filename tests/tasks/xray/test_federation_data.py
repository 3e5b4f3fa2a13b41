"""Folders with many sites, and the challenge set that sites contribute to."""

import shutil

import pytest

from collegium.errors import EmptySite, MissingMetadata
from collegium.tasks.xray.federation_data import contribute, read_federation


def test_sites_and_shared_sets_are_told_apart(federation):
    assert list(federation.sites) == ["cardiac", "oncology", "pulmonary", "trauma"]
    assert len(federation.challenge.images) == 20
    assert len(federation.reference) == 40


def test_a_folder_without_reference_or_sites_is_refused(phantoms, tmp_path):
    with pytest.raises(MissingMetadata, match="reference"):
        read_federation(tmp_path)
    shutil.copytree(phantoms / "reference", tmp_path / "reference")
    with pytest.raises(EmptySite):
        read_federation(tmp_path)


def test_every_site_contributes_and_keeps_no_contributed_patient(federation):
    challenge, kept = contribute(federation.sites, rows=16, seed=1)
    assert len(challenge) == 16
    for number, (name, site) in enumerate(federation.sites.items()):
        given = {e.patient for e in challenge.examples if e.patient.startswith(f"{number}/{name}/")}
        assert len(given) > 0
        assert not given & {f"{number}/{name}/{e.patient}" for e in kept[name].examples}
        assert len(kept[name]) >= 0.7 * len(site)
    assert challenge.digest == contribute(federation.sites, rows=16, seed=1)[0].digest
