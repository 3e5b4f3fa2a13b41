"""One file, many processes, sudden deaths: nothing that was mined is ever lost."""

import os
import subprocess
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest
from tests.support.processes import running

from collegium.chain import engines, headers
from collegium.chain.connection import Chain
from collegium.chain.embedded.chain import EmbeddedChain
from collegium.chain.embedded.genesis import BALANCE_WEI
from collegium.chain.reader import Reader
from collegium.errors import ChainFile

WRITER = Path(__file__).with_name("writer.py")


def _writer(file: Path, key: int, count: int) -> AbstractContextManager[subprocess.Popen[str]]:
    return running(str(WRITER), str(file), str(file.parent), str(key), str(count))


def _received(chain: Chain) -> int:
    address = chain.dev_accounts[19].address
    return int(chain.rpc("eth_getBalance", address, "latest"), 16) - BALANCE_WEI


def _verify(chain: Chain) -> list[dict]:
    """All blocks, after checking that they are linked and that everything in them is proven."""
    reader = Reader(chain)
    blocks = list(reader.blocks(0, chain.head))
    for block, parent in zip(blocks[1:], blocks, strict=False):
        assert block["parentHash"] == parent["hash"]
    for block in blocks:
        headers.verify_header(block)
        headers.verify_transactions(block, block["transactions"])
        headers.verify_receipts(block, reader.receipts(block))
    return blocks


def test_a_chain_is_still_there_when_it_is_opened_again(tmp_path: Path, probe_on, probe_artifact):
    file = tmp_path / "c.sqlite"
    with engines.connect(str(file)) as chain:
        probe, sender = probe_on(chain)
        receipt = probe.transact(sender, "increment", "kept")
        head, genesis = chain.head, chain.genesis_hash
    with engines.connect(str(file)) as chain:
        assert (chain.head, chain.genesis_hash) == (head, genesis)
        reader = Reader(chain, probe.known)
        assert reader.receipt(receipt.tx).json == receipt.json
        assert [e.name for e in reader.events()] == ["Counted"]
        probe.chain = sender.chain = chain
        assert probe.call("count") == 1
        probe.transact(sender, "increment", "and goes on")
        assert probe.call("count") == 2
        _verify(chain)


def test_four_processes_lose_nothing(tmp_path: Path) -> None:
    file, each = tmp_path / "c.sqlite", 12
    # The file does not exist yet: they also race to create block 0. Two share one key.
    with ExitStack() as started:
        writers = [started.enter_context(_writer(file, key, each)) for key in (0, 1, 2, 2)]
        printed = [line for w in writers for line in w.communicate(timeout=120)[0].split()]
    assert [w.returncode for w in writers] == [0, 0, 0, 0]
    assert len(printed) == len(set(printed)) == 4 * each
    with engines.connect(str(file)) as chain:
        blocks = _verify(chain)
        mined = [tx["hash"] for block in blocks for tx in block["transactions"]]
        assert sorted(mined) == sorted(printed)
        assert _received(chain) == 4 * each


def test_a_killed_writer_leaves_a_whole_chain(tmp_path: Path) -> None:
    file, printed = tmp_path / "c.sqlite", []
    for round_of_kills in range(3):
        with _writer(file, round_of_kills % 2, 1000) as writer:
            assert writer.stdout is not None
            # Kill it in full flow, after a different number of transactions each time.
            for _ in range(4 + 5 * round_of_kills):
                printed.append(writer.stdout.readline().strip())
            writer.kill()
            rest = writer.communicate()[0].split("\n")
        printed.extend(line for line in rest[:-1] if line)
        with engines.connect(str(file)) as chain:
            mined = [tx["hash"] for block in _verify(chain) for tx in block["transactions"]]
            assert set(printed) <= set(mined)
            # At most the one transaction that it had no time to report.
            assert len(mined) - len(printed) <= round_of_kills + 1
            assert _received(chain) == len(mined)


def test_a_failing_block_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = EmbeddedChain(tmp_path / "c.sqlite")
    before = chain.head
    stored = chain.db._store

    def store_and_fail() -> None:
        stored()
        raise OSError("disk full")

    monkeypatch.setattr(chain.db, "_store", store_and_fail)
    with pytest.raises(OSError, match="disk full"), chain.writing():
        chain.mine()
    monkeypatch.undo()
    with chain.reading():
        assert chain.head == before
    with chain.writing():
        chain.mine()
    with chain.reading():
        assert chain.head.block_number == before.block_number + 1


def test_two_connections_see_each_other_at_once(tmp_path: Path, sender_for) -> None:
    file = str(tmp_path / "c.sqlite")
    with engines.connect(file) as one, engines.connect(file) as other:
        for i in range(3):
            sender_for(one).send(one.dev_accounts[19].address, value=1)
            assert other.head == 2 * i + 1 and _received(other) == 2 * i + 1
            sender_for(other, 1).send(other.dev_accounts[19].address, value=1)
            assert one.head == 2 * i + 2 and _received(one) == 2 * i + 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_connection_survives_a_fork(tmp_path: Path) -> None:
    with engines.connect(str(tmp_path / "c.sqlite")) as chain:
        chain.mine()
        child = os.fork()
        if child == 0:  # pragma: no cover - the child only reports by its exit status
            chain.mine()
            os._exit(0 if chain.head == 2 else 1)
        assert os.waitpid(child, 0)[1] == 0
        chain.mine()
        assert chain.head == 3
        _verify(chain)


def test_options_are_fixed_with_the_file(tmp_path: Path) -> None:
    file = tmp_path / "c.sqlite"
    EmbeddedChain(file, clock="virtual", genesis_time=1000, seed=b"s").close()
    reopened = EmbeddedChain(file)
    assert (reopened.options.clock, reopened.options.genesis_time) == ("virtual", 1000)
    assert reopened.options.seed == b"s"
    for other in ({"clock": "wall"}, {"genesis_time": 1001}, {"seed": b"t"}, {"chain_id": 5}):
        with pytest.raises(ChainFile) as caught:
            EmbeddedChain(file, **other)
        assert caught.value.code == "CG207"
    for wrong in ({"clock": "sundial"}, {"seed": bytes(33)}):
        with pytest.raises(ChainFile):
            EmbeddedChain(**wrong)


def test_files_that_are_no_chain(tmp_path: Path) -> None:
    (tmp_path / "text.sqlite").write_text("this is no database " * 100)
    (tmp_path / "folder.sqlite").mkdir()
    for path in ("text.sqlite", "folder.sqlite", "missing/c.sqlite"):
        with pytest.raises(ChainFile) as caught:
            EmbeddedChain(tmp_path / path)
        assert path in caught.value.found
