"""``collegium round`` and ``collegium rewards`` around one whole round."""

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.by_hand import ByHand
from tests.support.passphrase import PASSPHRASE
from tests.support.processes import running

from collegium.chain.engines import connect
from collegium.chain.federation import Federation
from collegium.errors import OffenceUnproven
from collegium.protocol.signing import Domain, compact, sign
from collegium.queries.newest import Newest
from collegium.workspace.keyring import Keyring

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

    assert "in proportion to their scores" in " ".join(people.out.split())
    other = run("rewards", "replay", "--rule", "equal", "--dir", folder, "--json")
    paid = [(u["node"], u["paid"], u["replayed"]) for u in other.json["updates"]]
    assert paid == [(u["node"], u["paid"], "425") for u in found["updates"]]
    same = run("rewards", "replay", "--rule", "score", "--dir", folder, "--json").json["updates"]
    assert all(u["paid"] == u["replayed"] for u in same)
    unknown = run("rewards", "replay", "--rule", "fair", "--dir", folder)
    assert unknown.code == 1 and "equal, score" in unknown.err

    due = nodes[1]["due"]
    claimed = run("rewards", "claim", "2", "--dir", folder, "--wallet", "dev:7", "--json")
    assert claimed.code == 0 and claimed.json["paid"] == due
    again = run("rewards", "claim", "2", "--dir", folder, "--json")
    assert again.code == 0 and again.json["paid"] == "0" and again.json["tx"] is None
    after = run("rewards", "show", "--dir", folder, "--json").json["nodes"][1]
    assert after["claimed"] == due and after["due"] == "0"

    money = run("federation", "status", "--dir", folder, "--json").json["money"]
    assert money["conserved"] and money["claimed"] == due and money["deposited"] == "5000"


def test_an_unrevealed_vote_costs_stake_that_can_pay_for_rounds(folder: Path, run: Run) -> None:
    assert run("round", "open", "--dir", folder).code == 0
    play_round(folder, silent="trauma")
    done = run("round", "advance", "--dir", folder, "--json")
    assert done.json["phase"] == "Cancelled" and "NodeSlashed" in done.json["tx"]["events"]
    shown = run("rewards", "show", "--dir", folder, "--json").json
    lost = {"round": 1, "node": 2, "offence": "unrevealed", "amount": "10", "by": None}
    assert shown["slashes"] == [lost]
    assert [node["stake"] for node in shown["nodes"]] == ["100", "90"]
    people = run("rewards", "show", "--dir", folder).out
    assert "Stakes lost" in people and "unrevealed" in people
    money = run("federation", "status", "--dir", folder, "--json").json["money"]
    assert (money["staked"], money["owed"], money["forfeited"]) == ("190", "0", "10")
    moved = run("federation", "recycle", "--dir", folder, "--wallet", "dev:7", "--json")
    assert moved.code == 0 and moved.json["recycled"] == "10"
    after = run("federation", "status", "--dir", folder, "--json").json["money"]
    assert float(after["free"]) == float(money["free"]) + 10 and after["conserved"]
    again = run("federation", "recycle", "--dir", folder, "--json")
    assert again.code == 1 and again.json["error"]["code"] == "CG508"


def test_a_node_is_paid_for_what_it_proved(folder: Path, run: Run) -> None:
    """Two updates that one key signed for one round, shown by the other node's account."""
    assert run("round", "open", "--dir", folder).code == 0
    cheat = Keyring.load(folder / "nodes" / "trauma" / "keys", PASSPHRASE)
    honest = Keyring.load(folder / "nodes" / "cardiac" / "keys", PASSPHRASE)
    with connect(str(folder / "chain.sqlite")) as chain:
        federation = Federation(chain, json.loads((folder / "run.json").read_text())["federation"])
        domain = Domain(chain.chain_id, federation.address)
        base, account = federation.state_root(), cheat.account.address
        digests = [b"\x01" * 32, b"\x02" * 32]
        signed = [
            compact(sign(domain.update_digest(1, account, base, digest), cheat.signer.key))
            for digest in digests
        ]
        reporter = federation.using(honest.account)
        reporter.prove_equivocation(1, base, account, digests, signed)
        with pytest.raises(OffenceUnproven, match="AlreadyProven"):
            reporter.prove_equivocation(1, base, account, digests, signed)
    nodes = run("rewards", "show", "--dir", folder, "--json").json["nodes"]
    assert [(node["owed"], node["stake"]) for node in nodes] == [("50", "100"), ("0", "0")]
    assert run("node", "list", "2", "--dir", folder, "--json").json["nodes"][0]["status"] == (
        "leaving"
    )
    paid = run("rewards", "claim", "1", "--dir", folder, "--wallet", "dev:7")
    assert paid.code == 0 and "50 for what it proved" in paid.out
    again = run("rewards", "claim", "1", "--dir", folder, "--json").json
    assert (again["paid"], again["rewarded"]) == ("0", "0")


def test_a_rejected_merge_is_told(played: Callable[..., ByHand]) -> None:
    hand = played("propose")
    assert "0 of 3 attest the merge that node" in Newest(hand.view).sentence()
    proposer = hand.view.proposer
    hand.world.coordinator.wait(hand.view)
    told = Newest(hand.view).sentence()
    assert "a proposal was rejected; another node should propose" in told
    assert all(str(node) in told for node in hand.view.candidates())
    document = Newest(hand.view).to_json()
    assert document["barred"] == [proposer] and document["proposer"] is None


def test_interrupting_is_clean(folder: Path, run: Run) -> None:
    assert run("round", "open", "--dir", folder).code == 0
    with running("-m", "collegium.cli", "round", "watch", "--dir", str(folder)) as watching:
        assert watching.stderr is not None and "Commit" in watching.stderr.readline()
        time.sleep(0.2)
        watching.send_signal(signal.SIGINT)
        out, err = watching.communicate(timeout=10)
    assert watching.returncode == 130
    assert out == "" and "Traceback" not in err
