"""A small drawn federation and the task on the shipped base, made once for all tests here."""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

from pathlib import Path

import pytest
from tests.tasks.settings import QUICK

from collegium.tasks.xray.federation_data import FederationData, read_federation
from collegium.tasks.xray.hospitals import write_federation
from collegium.tasks.xray.kind import KIND


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("phantoms")
    write_federation(root, seed=501, images=24, challenge=20, reference=20)
    return root


@pytest.fixture(scope="session")
def federation(phantoms) -> FederationData:
    return read_federation(phantoms)


@pytest.fixture(scope="session")
def task():
    return KIND.load(QUICK)


@pytest.fixture
def real_data() -> Path:
    """Folder with real radiographs; see docs on how to obtain a set."""
    given = os.environ.get("COLLEGIUM_DATA")
    if not given:
        pytest.skip("COLLEGIUM_DATA names no folder with real radiographs")
    return Path(given)
