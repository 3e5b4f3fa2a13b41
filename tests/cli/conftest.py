"""A federation on an embedded chain, with two registered hospitals, in a folder per test."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.support.passphrase import PASSPHRASE
from tests.support.terms import LIMITS, WINDOWS, terms

from collegium.chain.engines import connect
from collegium.chain.federation import Federation
from collegium.cli import main
from collegium.consortium import joining
from collegium.consortium.creation import Agreement, create_federation
from collegium.protocol import state, verdict
from collegium.protocol.card import TaskCard
from collegium.protocol.layout import Layout, Tensor
from collegium.protocol.model.round import Phase
from collegium.protocol.packed import pack_attestation
from collegium.protocol.rules.shares import EQUAL
from collegium.protocol.signing import Domain, compact, sign
from collegium.tasks.xray.folder import read_folder
from collegium.workspace.home import NodeHome, NodeSettings
from collegium.workspace.keyring import Keyring

TOKEN = 10**18
NAMES = ("cardiac", "trauma")


@dataclass(frozen=True)
class Outcome:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on stdout; fails if there is anything else."""
        return json.loads(self.out)


Run = Callable[..., Outcome]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run one command in this process: ``run("chain", "status", "--json")``."""

    def command(*arguments: str | Path) -> Outcome:
        capfd.readouterr()
        code = main([str(a) for a in arguments])
        return Outcome(code, *capfd.readouterr())

    return command


def python(*arguments: str, cwd: Path | None = None, **env: str) -> Outcome:
    """Run Python in a process of its own."""
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ | env,
        timeout=60,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def write_site(folder: Path, images: int = 4) -> Path:
    """An ImageFolder with grey squares."""
    folder.mkdir(parents=True)
    lines = []
    for number in range(images):
        Image.new("L", (16, 16), 16 * number).save(folder / f"{number}.png")
        question = {"file_name": f"{number}.png", "question": "is it dark", "answer": "yes"}
        lines.append(json.dumps(question) + "\n")
    (folder / "metadata.jsonl").write_text("".join(lines))
    return folder


def agreement(challenge: Path) -> Agreement:
    """A card for a model of one tensor; nothing is trained in these tests."""
    layout = Layout("xray-dialogue", "11" * 32, "ffa", 2, 4, "22" * 32, (Tensor("b", (4, 2)),))
    money = {"reward": 1_000 * TOKEN, "stake": 100 * TOKEN}
    hours = dict.fromkeys(WINDOWS, 3_600)
    card = TaskCard(
        name="Test consortium",
        task="xray-dialogue",
        layout=layout.digest.hex(),
        base_model=layout.base_model,
        challenge=read_folder(challenge).digest,
        genesis=state.root(state.zeros(layout)).hex(),
        metric="answer accuracy",
        recipe={},
        limits=LIMITS,
        terms=terms(committee=2, min_score=0, weight_rule=EQUAL, **money, **hours),
    )
    return Agreement(card, layout, b"frozen")


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with two registered nodes; copied for every test."""
    root = tmp_path_factory.mktemp("founded")
    challenge = write_site(root / "data" / "challenge")
    with connect(str(root / "chain.sqlite"), clock="virtual") as chain:
        sponsor = chain.dev_accounts[0]
        agreed = agreement(challenge)
        made, federation = create_federation(root, chain, sponsor, agreed, deposit=5_000 * TOKEN)
        for name in NAMES:
            home, keys = NodeHome(root / "nodes" / name), Keyring.generate(name.encode())
            keys.save(home.keys, PASSPHRASE, iterations=1_000)
            federation.admit(keys.account.address)
            joining.fund(federation, keys.account.address, wei=10**18)
            data = write_site(root / "data" / name)
            settings = NodeSettings(
                name, str(made.chain_spec), made.federation, str(data), str(challenge)
            )
            joining.join(made, federation, home, PASSPHRASE, settings)
            joining.give_gas(federation, keys.account, keys.signer.address, 10**17)
            made = type(made).load(root)
    return root


@pytest.fixture
def folder(founded: Path, tmp_path: Path) -> Path:
    """A run folder of the test's own."""
    return Path(shutil.copytree(founded, tmp_path / "run"))


def play_round(folder: Path, silent: str | None = None) -> None:
    """Carry one round from Commit to Final; both updates are worth something.

    Args:
        silent: a node that seals its vote and does not reveal it: the round can be cancelled then.
    """
    keys = {name: Keyring.load(folder / "nodes" / name / "keys", PASSPHRASE) for name in NAMES}
    with connect(str(folder / "chain.sqlite")) as chain:
        document = json.loads((folder / "run.json").read_text())
        federation = Federation(chain, document["federation"])
        sponsor = federation.using(chain.dev_accounts[0])
        by_id = {federation.node_of(k.account.address): k for k in keys.values()}
        number = federation.round().id
        for node, key in by_id.items():
            federation.using(key.signer).commit_update(number, bytes([node]) * 32)
        if federation.round().phase is Phase.COMMIT:
            chain.increase_time(1)
        sponsor.advance(number)
        owners = [1, 2]
        scores = [
            verdict.encode_scores([0 if owner == member else 1_000 * owner for owner in owners])
            for member in federation.committee()
        ]
        for slot, member in enumerate(federation.committee()):
            key = by_id[member]
            domain = (chain.chain_id, federation.address, number, key.account.address)
            sealed = verdict.seal(*domain, scores[slot], bytes(32))
            federation.using(key.signer).commit_verdict(number, slot, sealed)
        for slot, member in enumerate(federation.committee()):
            if silent is not None and by_id[member] is keys[silent]:
                continue
            hot = federation.using(by_id[member].signer)
            hot.reveal_verdict(number, slot, scores[slot], bytes(32))
        if silent is not None:
            chain.increase_time(federation.round().deadline - chain.timestamp())
            return
        sponsor.settle(number)
        root = bytes([7]) * 32
        federation.using(by_id[federation.round().aggregator].signer).propose_merge(number, root)
        message = Domain(chain.chain_id, federation.address).merge_digest(number, root)
        sponsor.attest_merge(
            number,
            [
                pack_attestation(slot, compact(sign(message, by_id[member].signer.key)))
                for slot, member in enumerate(federation.committee())
            ],
        )
        chain.increase_time(federation.round().deadline - chain.timestamp())
        sponsor.advance(number)
