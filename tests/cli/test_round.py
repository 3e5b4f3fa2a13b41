"""``collegium round`` and ``collegium rewards`` around one whole round."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from .conftest import Run, play_round


def test_before_the_first_round(folder: Path, run: Run) -> None:
    done = run("round", "status", "--dir", folder, "--json")
    assert done.json["phase"] == "Idle" and not done.json["live"]
    shown = run("rewards", "show", "--dir", folder)
    assert shown.code == 0 and "no round is settled yet" in shown.out
    claimed = run("rewards", "claim", "1", "--dir", folder, "--json")
    assert claimed.code == 0 and claimed.json["paid"] == "0" and claimed.json["tx"] is None


def test_open_and_advance(folder: Path, run: Run) -> None:
    opened = run("round", "open", "--dir", folder, "--json")
    assert opened.code == 0 and opened.json["phase"] == "Commit"
    assert opened.json["members"] == [1, 2] and "RoundOpened" in opened.json["tx"]["events"]
    twice = run("round", "open", "--dir", folder, "--json")
    assert twice.code == 1 and twice.json["error"]["code"] == "CG205"
    assert "WrongPhase" in twice.json["error"]["found"]
    early = run("round", "advance", "--dir", folder, "--json")
    assert early.code == 1 and "NothingDue" in early.json["error"]["found"]
    assert run("round", "status", "--dir", folder).code == 0


def test_too_little_came_in(folder: Path, run: Run) -> None:
    from collegium.chain.engines import connect

    assert run("round", "open", "--dir", folder).code == 0
    with connect(str(folder / "chain.sqlite")) as chain:
        chain.increase_time(3_601)
    due = run("round", "status", "--dir", folder, "--json")
    assert due.json["cancellable"]
    done = run("round", "advance", "--dir", folder, "--wallet", "dev:9", "--json")
    assert done.code == 0 and done.json["phase"] == "Cancelled"
    assert run("round", "open", "--dir", folder, "--json").json["round"] == 2


def test_a_whole_round_and_its_rewards(folder: Path, run: Run) -> None:
    assert run("round", "open", "--dir", folder).code == 0
    play_round(folder)
    watched = run("round", "watch", "--dir", folder, "--json")
    assert watched.code == 0 and watched.json["round"]["phase"] == "Final"
    assert len(watched.json["changes"]) == 1 and "Final" in watched.err

    shown = run("rewards", "show", "--dir", folder, "--json")
    nodes, found = shown.json["nodes"], shown.json["rounds"][0]
    assert [u["node"] for u in found["updates"]] == [1, 2]
    assert [u["score"] for u in found["updates"]] == [1_000, 2_000]
    pays = [float(u["paid"]) for u in found["updates"]]
    assert abs(sum(pays) - 850) < 1e-9 and abs(pays[1] / pays[0] - 2) < 1e-9
    assert abs(sum(float(n["earned"]) for n in nodes) - 1_000) < 1e-9, "all of the reward"
    people = run("rewards", "show", "--dir", folder, "--round", "1")
    assert "+1.000" in people.out and "by agreement" in people.out

    due = nodes[1]["due"]
    claimed = run("rewards", "claim", "2", "--dir", folder, "--wallet", "dev:7", "--json")
    assert claimed.code == 0 and claimed.json["paid"] == due
    again = run("rewards", "claim", "2", "--dir", folder, "--json")
    assert again.code == 0 and again.json["paid"] == "0" and again.json["tx"] is None
    after = run("rewards", "show", "--dir", folder, "--json").json["nodes"][1]
    assert after["claimed"] == due and after["due"] == "0"

    money = run("federation", "status", "--dir", folder, "--json").json["money"]
    assert money["conserved"] and money["claimed"] == due and money["deposited"] == "5000"


def test_interrupting_is_clean(folder: Path, run: Run) -> None:
    assert run("round", "open", "--dir", folder).code == 0
    watching = subprocess.Popen(
        [sys.executable, "-m", "collegium.cli", "round", "watch", "--dir", str(folder)],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    assert watching.stderr is not None and "Commit" in watching.stderr.readline()
    time.sleep(0.2)
    watching.send_signal(signal.SIGINT)
    out, err = watching.communicate(timeout=10)
    assert watching.returncode == 130
    assert out == "" and "Traceback" not in err
