"""A chain is named in one way, wherever the name is read."""

from pathlib import Path

import pytest

from collegium.chain import engines
from collegium.chain.light import read_registry
from collegium.chain.spec import ChainSpec, Kind
from collegium.errors import ChainFile, UnknownChain
from collegium.evidence import from_chain
from collegium.workspace.run import Run

ADDRESS = "0x" + "11" * 20


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("https://rpc.example/key", Kind.URL, "https://rpc.example/key"),
        ("http://127.0.0.1:8545", Kind.URL, "http://127.0.0.1:8545"),
        ("chain.sqlite", Kind.FILE, "chain.sqlite"),
        ("/data/chain.db", Kind.FILE, "/data/chain.db"),
        ("embedded:/data/chain", Kind.FILE, "/data/chain"),
        ("embedded", Kind.ENGINE, "embedded"),
        ("anvil", Kind.ENGINE, "anvil"),
    ],
)
def test_each_form_is_read_and_written(text: str, kind: Kind, name: str) -> None:
    spec = ChainSpec.parse(text)
    assert spec == ChainSpec(kind, name) and str(spec) == text
    assert ChainSpec.parse(spec) is spec
    assert (spec.path is None) == (kind is not Kind.FILE)


@pytest.mark.parametrize("text", ["", "geth", "embedded:", "ftp://chain", "chain.txt"])
def test_what_names_no_chain_is_refused_everywhere(text: str, tmp_path: Path) -> None:
    for read in (
        lambda: ChainSpec.parse(text),
        lambda: engines.connect(text),
        lambda: read_registry(text, ADDRESS),
        lambda: from_chain(text, ADDRESS),
        lambda: Run(tmp_path, text, ADDRESS).chain_spec,
    ):
        with pytest.raises(UnknownChain, match="CG201"):
            read()


def test_a_file_is_relative_to_the_folder_that_names_it(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    for text in ("chain.sqlite", "embedded:chain.sqlite", "embedded"):
        spec = ChainSpec.parse(text).resolve(folder)
        assert spec.path == folder / "chain.sqlite"
        assert str(spec.within(folder)) == "chain.sqlite"
    outside = ChainSpec.parse("../chain.sqlite").resolve(folder)
    assert outside.path == tmp_path / "chain.sqlite" and outside.within(folder) == outside
    odd = ChainSpec.parse("embedded:chain").resolve(folder)
    assert ChainSpec.parse(str(odd.within(folder))).resolve(folder) == odd


@pytest.mark.parametrize("text", ["https://rpc.example", "hardhat"])
def test_servers_do_not_depend_on_a_folder(text: str, tmp_path: Path) -> None:
    spec = ChainSpec.parse(text)
    assert spec.resolve(tmp_path) == spec == spec.within(tmp_path)


def test_a_connection_says_how_others_reach_its_chain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with engines.connect("c.sqlite") as chain:
        assert chain.spec.path == tmp_path / "c.sqlite"
    with engines.connect("embedded", run_dir=tmp_path / "run") as chain:
        assert chain.spec.path == tmp_path / "run" / "chain.sqlite"
    with engines.connect("embedded") as chain:
        assert chain.spec == ChainSpec(Kind.ENGINE, "embedded")
    local = engines.start("embedded", tmp_path / "served", port=0)
    try:
        with engines.connect(local.url) as chain:
            assert chain.spec == ChainSpec(Kind.URL, local.url)
    finally:
        engines.stop(tmp_path / "served")


def test_a_run_can_be_moved(tmp_path: Path) -> None:
    run = Run(tmp_path / "old", "chain.sqlite", ADDRESS)
    run.save()
    run.folder.rename(tmp_path / "new")
    assert Run.load(tmp_path / "new").chain_spec.path == tmp_path / "new" / "chain.sqlite"


def test_an_engine_has_no_registry_in_a_file() -> None:
    with pytest.raises(ChainFile):
        read_registry("hardhat", ADDRESS)
