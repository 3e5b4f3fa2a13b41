"""The main job from end to end, on real models and real chains, with few steps."""

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from collegium.errors import BadCard, RunExists
from collegium.lab.demo import run_demo
from collegium.lab.display import Display, summary
from collegium.lab.scenario import Scenario
from collegium.tasks.xray.recipe import Recipe

QUICK = Recipe(rounds=2, local_steps=6, batch=8, shard_rows=4, challenge_rows=8)
ROOT = Path(__file__).parents[2]


def quick(out: Path, **settings: Any) -> Scenario:
    chosen = {"nodes": 4, "attacks": ("free-rider",), "rounds": 2, "workers": 2, **settings}
    return Scenario(out=out, recipe=QUICK, terms={"min_score": 1_000}, **chosen)


def run(scenario: Scenario) -> dict[str, Any]:
    with Display(Console(quiet=True)) as display:
        return run_demo(scenario, display)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def document(folder: Path) -> Iterator[dict[str, Any]]:
    yield run(quick(folder / "first"))


def test_evidence_holds(document: dict[str, Any]) -> None:
    assert document["audit"]["findings"] == []
    assert document["audit"]["ok"]


def test_every_round_ends_on_a_merged_state(document: dict[str, Any]) -> None:
    roots = [entry["state_root"] for entry in document["rounds"]]
    assert len(set(roots)) == 2 and None not in roots


def test_a_free_rider_is_neither_accepted_nor_paid(document: dict[str, Any]) -> None:
    updates = [u for entry in document["rounds"] for u in entry["updates"]]
    riders = [u for u in updates if u["node"] == "free-rider"]
    assert len(riders) == 2
    assert all(not u["accepted"] and u["paid"] == 0 and u["weight"] == 0 for u in riders)


def test_honest_hospitals_are_paid_in_the_first_round(document: dict[str, Any]) -> None:
    honest = [u for u in document["rounds"][0]["updates"] if u["node"] != "free-rider"]
    assert len(honest) == 3
    assert all(u["accepted"] and u["paid"] > 0 for u in honest)


def test_money_adds_up(document: dict[str, Any]) -> None:
    money = document["money"]
    assert sum(money["earned_by_node"].values()) == pytest.approx(money["paid"])
    assert money["paid"] + money["free"] + money["reserved"] == pytest.approx(money["deposited"])


def test_document_has_the_agreed_form(document: dict[str, Any]) -> None:
    assert json.loads(json.dumps(document))["federation"] == document["federation"]
    assert {"federation", "chain", "rounds", "quality", "money", "audit"} <= set(document)
    assert {"timing_s", "bytes"} <= set(document)
    quality = {"metric", "better", "base", "local", "federated", "centralised", "parts"}
    assert quality <= set(document["quality"])
    assert {"deposited", "paid", "slashed", "free"} <= set(document["money"])
    assert {"round", "updates", "committee", "state_root", "gas"} <= set(document["rounds"][0])
    wanted = {"node", "bits", "bytes", "accepted", "codes", "score", "weight", "paid"}
    assert wanted <= set(document["rounds"][0]["updates"][0])


def test_tables_and_report_can_be_shown(document: dict[str, Any]) -> None:
    console = Console(record=True, file=io.StringIO(), width=100)
    console.print(summary(document))
    text = console.export_text()
    assert "The evidence is valid" in text and "federated" in text
    page = Path(document["files"]["report"]).read_text()
    assert page.count("<svg") == 3 and document["federation"] in page
    assert 'src="http' not in page and 'href="http' not in page  # it needs no network


def test_the_adapter_is_a_plain_peft_folder(document: dict[str, Any]) -> None:
    from peft import PeftModel
    from transformers import AutoModelForImageTextToText

    from collegium.tasks.xray.tiny import locate

    base = AutoModelForImageTextToText.from_pretrained(locate("tiny"))
    loaded = PeftModel.from_pretrained(base, document["files"]["adapter"])
    trained = [p for name, p in loaded.named_parameters() if "lora_B" in name]
    assert any(bool(p.abs().sum() > 0) for p in trained)


def test_the_same_seed_gives_the_same_run(document: dict[str, Any], folder: Path) -> None:
    again = run(quick(folder / "again", workers=1))
    for part in ("rounds", "money"):
        assert _stable(again[part]) == _stable(document[part])


def test_hardhat_gives_the_same_states(document: dict[str, Any], folder: Path) -> None:
    if not (ROOT / "node_modules" / "hardhat").exists():
        pytest.skip("Hardhat is not installed: run `make setup`")
    other = run(quick(folder / "hardhat", chain="hardhat"))
    assert other["audit"]["ok"]
    # The draw differs, and so may pay; what is merged depends on what was accepted only.
    accepted = [[u["accepted"] for u in entry["updates"]] for entry in other["rounds"]]
    expected = [[u["accepted"] for u in entry["updates"]] for entry in document["rounds"]]
    assert accepted == expected
    assert [e["state_root"] for e in other["rounds"]] == [
        e["state_root"] for e in document["rounds"]
    ]


def test_a_finished_folder_may_be_used_again(document: dict[str, Any], folder: Path) -> None:
    out = folder / "foreign"
    out.mkdir()
    (out / "thesis.txt").write_text("keep me")
    with pytest.raises(RunExists, match="CG501"):
        run(quick(out))
    assert (out / "thesis.txt").read_text() == "keep me"


def test_bad_settings_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(BadCard, match="CG503"):
        quick(tmp_path / "x", attacks=("bribery",))
    with pytest.raises(BadCard, match="at least"):
        quick(tmp_path / "x", nodes=2)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--chain", "dogecoin"], "CG201"),
        (["--chain", "http://127.0.0.1:1"], "CG203"),
        (["--data", "/nonexistent"], "CG101"),
    ],
)
def test_bad_input_is_a_numbered_error(tmp_path: Path, arguments: list[str], code: str) -> None:
    command = [
        sys.executable,
        "-m",
        "collegium.cli",
        "demo",
        "--json",
        "--out",
        str(tmp_path / "o"),
    ]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True)
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"] == code


def _stable(part: Any) -> Any:
    """Without what is measured in seconds."""
    if isinstance(part, list):
        return [{k: v for k, v in entry.items() if k != "phase_s"} for entry in part]
    return part


@pytest.fixture(scope="module")
def attacked(folder: Path) -> dict[str, Any]:
    """One round with every attack but those of the first demonstration."""
    attacks = ("noise", "withhold", "liar", "altered-merge")
    return run(replace(quick(folder / "attacked"), nodes=7, attacks=attacks, rounds=1))


def test_more_attackers_do_not_stop_a_round(attacked: dict[str, Any]) -> None:
    assert attacked["audit"]["ok"]
    by_node = {u["node"]: u for u in attacked["rounds"][0]["updates"]}
    assert by_node["withhold"]["codes"] == ["missing"] and by_node["withhold"]["score"] is None
    honest = [by_node[name] for name in ("cardiac", "pulmonary", "trauma")]
    assert all(u["accepted"] and u["score"] > by_node["noise"]["score"] for u in honest)


def test_an_altered_merge_is_caught_slashed_and_replaced(attacked: dict[str, Any]) -> None:
    (entry,) = attacked["rounds"]
    (dispute,) = entry["disputes"]
    assert entry["aggregator"] == "altered-merge"
    assert {"leaf", "block", "gas", "slashed", "by", "root"} <= set(dispute)
    merge = {"round": 1, "node": "altered-merge", "offence": "merge", "amount": 500.0}
    assert dispute["slashed"] == [merge | {"by": dispute["by"]}]
    assert dispute["by"] in entry["committee"] and dispute["by"] != "altered-merge"
    assert entry["state_root"] not in (None, dispute["root"])
    invalid = {"round": 1, "node": "withhold", "offence": "invalid", "amount": 50.0, "by": None}
    assert entry["slashed"] == [invalid, *dispute["slashed"]]
    money = attacked["money"]
    assert (money["slashed"], money["rewarded"], money["forfeited"]) == (550, 250, 300)
    assert money["stake_by_node"]["altered-merge"] == 0
    assert sum(money["stake_by_node"].values()) == pytest.approx(money["staked"])


def test_disputes_can_be_shown(attacked: dict[str, Any]) -> None:
    console = Console(record=True, file=io.StringIO(), width=100)
    console.print(summary(attacked))
    text = console.export_text()
    assert "Stakes lost" in text and "the contract's rules" in text
    page = Path(attacked["files"]["report"]).read_text()
    assert (
        "Disputes and stakes lost" in page and attacked["rounds"][0]["disputes"][0]["root"] in page
    )
