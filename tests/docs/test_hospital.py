"""``docs/hospital.md``, followed line by line in an empty folder with three hospitals.

Every command line of the document is carried out for real: a chain in a process of its own, the
shipped base model, keys, contracts, pictures. The reader's part is filled in here:

- the task card is the one that ``collegium explain CG503`` prints, with less training;
- ``0x…`` and ``/data/xrays`` are this reader's account, anchor and folder;
- what is said of one hospital is done by three;
- the chain takes a free port, since others may run on this machine;
- the Flower server and the SuperNodes of step 4 are a grid in this process, which plays one round;
- time that a reader would wait for is let pass on the chain.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import PASSPHRASE, Outcome

from collegium.chain import engines
from collegium.chain.engines import connect
from collegium.chain.federation import Federation
from collegium.cli import main
from collegium.cli.explain import page
from collegium.protocol.layout import Layout
from collegium.roles.coordinator import Coordinator
from collegium.store import BlobStore
from collegium.tasks.xray.hospitals import write_federation
from collegium.workspace.run import Run

from .lines import ROOT, lines_of

NAMES = ("cardiac", "trauma", "oncology")
LESS = {
    '"data/challenge"': '"challenge"',
    "rank = 8": "rank = 2\nlocal_steps = 2\nwarmup = 1\nchallenge_rows = 8\nshard_rows = 4",
}
RUN = Path("chest-xray")


class Reader:
    """Follows the document; keeps what the commands print by command."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self.capfd = capfd
        self.printed: dict[str, list[Any]] = {}
        self.before = {
            "round watch": self.play_round,
            "round advance": self.miss_a_round,
            "node withdraw": self.wait_for_the_stake,
        }

    def follow(self, words: tuple[str, ...]) -> None:
        """Carry out one line of the document, for every hospital if it is about one."""
        command = " ".join(words[1:3])
        self.before.get(command, lambda: None)()
        everyone = words[1] == "node" and bool({"cardiac", "0x…"} & set(words))
        leaving = command in ("node rotate", "node exit")
        for name in NAMES if everyone and not leaving else NAMES[:1]:
            typed = [self.fill_in(word, command, name) for word in words[1:]]
            self.type([*typed, "--port", "0"] if command == "chain up" else typed)

    def type(self, arguments: list[str]) -> None:
        self.capfd.readouterr()
        code = main([*arguments, "--json"])
        done = Outcome(code, *self.capfd.readouterr())
        assert code == 0, f"collegium {' '.join(arguments)}\n{done.out}\n{done.err}"
        self.printed.setdefault(" ".join(arguments[:2]), []).append(done.json)

    def fill_in(self, word: str, command: str, name: str) -> str:
        """What this reader types for a name or placeholder of the document."""
        if word == "0x…" and command == "node admit":
            return str(self.printed["node keygen"][NAMES.index(name)]["account"])
        if word == "0x…":
            return str(self.printed["evidence export"][0]["head"]["hash"])
        return {"cardiac": name, "/data/xrays": f"data/{name}"}.get(word, word)

    # -- what happens between the lines ----------------------------------------------------------

    def play_round(self) -> None:
        """What the Flower server and the hospitals' SuperNodes do in the round that is open."""
        from flwr.serverapp.strategy import FedAvg
        from tests.support.server import run as serve

        from collegium.flower import Verified
        from collegium.flower.grid import LocalGrid
        from collegium.flower.mod import HOME

        run, federation = opened()
        homes = {number: {HOME: name} for number, name in enumerate(NAMES, start=2)}
        strategy = Verified(
            FedAvg(fraction_evaluate=0.0, min_train_nodes=3, min_available_nodes=3),
            Coordinator(federation, fast_forward=True),
            Layout.decode(run.layout_file.read_bytes()),
            BlobStore(run.store_root),
        )
        serve(strategy, LocalGrid("collegium.lab.app:app", homes))
        assert strategy.reports[0].errors == []
        assert federation.round().phase.name == "FINAL"

    def miss_a_round(self) -> None:
        """One more round, in which no update arrives in time."""
        self.type(["round", "open", "--dir", str(RUN)])
        _, federation = opened()
        federation.chain.increase_time(federation.round().deadline - federation.chain.timestamp())

    def wait_for_the_stake(self) -> None:
        _, federation = opened()
        until = self.printed["node exit"][0]["unbonded_at"]
        federation.chain.increase_time(until - federation.chain.timestamp())


def opened() -> tuple[Run, Federation]:
    """The run that the document makes, with the sponsor's account."""
    run = Run.load(RUN)
    chain = connect(run.chain_spec)
    reader = Federation(chain, run.federation, first_block=run.first_block)
    return run, reader.using(chain.dev_accounts[0])


@pytest.fixture
def reader(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Reader]:
    """A reader in a folder with a card, images and the challenge set, as a consortium has them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLLEGIUM_PASSPHRASE", PASSPHRASE)
    write_federation(tmp_path / "data", seed=1, images=12, challenge=8, reference=2)
    (tmp_path / "data" / "challenge").rename(tmp_path / "challenge")
    shutil.copy(next((tmp_path / "challenge").glob("*.png")), tmp_path / "chest.dcm")
    (tmp_path / "card.toml").write_text(card())
    yield Reader(capfd)
    engines.stop(RUN)


def card() -> str:
    """The card that an error page shows, for a small machine."""
    found = re.search(r"```toml\n(.+?)```", page("CG503"), re.S)
    assert found is not None
    text = found[1]
    for shown, used in LESS.items():
        assert text.count(shown) == 1
        text = text.replace(shown, used)
    return text


def test_the_document_can_be_followed(reader: Reader, tmp_path: Path) -> None:
    followed = [x.words for x in lines_of(ROOT / "docs/hospital.md") if not x.inline]
    assert len(followed) > 18
    for words in followed:
        reader.follow(words)
    printed = reader.printed
    assert printed["audit evidence.zip"][0]["ok"] is True
    assert {row["node"] for row in printed["rewards show"][0]["rounds"][0]["updates"]} == {1, 2, 3}
    assert printed["round advance"][0]["phase"] == "Cancelled"
    assert (tmp_path / "adapter" / "adapter_config.json").is_file()
    assert printed["node withdraw"][0]["paid"] == "100"

    shown = [x.words for x in lines_of(ROOT / "README.md") if x.words[:2] == ("collegium", "audit")]
    (tmp_path / "collegium-demo").mkdir()
    (tmp_path / "evidence.zip").rename(tmp_path / "collegium-demo" / "evidence.zip")
    for words in shown:
        reader.type([*words[1:]])
