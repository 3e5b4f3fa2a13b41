"""A small real federation, played by hand: three rounds with everything that can go wrong in them.

Round 1: all four commit (one in a transaction of its own, three relayed, one of them twice), the
update of node 4 makes the model worse and is rejected, the committee attests the merge.
Round 2: node 4 sends an update beyond the norm bound, node 2 a near-copy of that of node 1 and
changes its signer. The aggregator proposes a merge with one lane altered, a friend signs it, a
third member disproves it; another node proposes the right one.
Round 3: who was slashed in round 2 is back under a new signer. A member does not reveal, a root
that nobody can show falls at its deadline, another node merges. Then node 2 is proven to have
signed two updates in round 1, node 3 leaves with its stake, node 1 is revoked, and nodes 1 and 3
claim. Some calls are refused.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from tests.support.builder import CARD, LAYOUT, TERMS, Builder

from collegium.chain import engines
from collegium.chain.connection import Chain
from collegium.protocol.settlement import INVALID


@dataclass
class Played:
    """What the tests want to know of a federation."""

    run: Path
    chain: Path
    federation: str
    head: str
    encryption_keys: dict[int, bytes]


def tell(run: Path) -> Played:
    """The federation on an embedded chain, in a folder that looks like that of a demonstration."""
    with engines.connect(str(run / "chain.sqlite"), clock="virtual") as chain:
        played = play(chain, run)
    (run / "card.json").write_bytes(CARD.encode())
    (run / "layout.json").write_bytes(LAYOUT.encode())
    description = {
        "version": 1, "chain": "chain.sqlite", "federation": played.federation,
        "card": "card.json", "layout": "layout.json", "store": "store",
        "nodes": [f"nodes/site{number}" for number in range(1, 5)],
    }  # fmt: skip
    (run / "run.json").write_text(json.dumps(description))
    return played


def play(chain: Chain, run: Path) -> Played:
    """Three rounds on this chain; what they leave is in the folder ``run``."""
    world = Builder(chain, run)
    sponsor, hospitals = world.sponsor, world.hospitals

    deltas = [world.delta() for _ in range(4)]
    updates = world.round(deltas, [8, 4, 2, 8], {1: 900, 2: 500, 3: 700, 4: -9000})
    world.finish(world.propose(sponsor.round().aggregator, world.accepted(updates)))

    alike = world.delta()
    deltas = [alike, alike + world.delta(0.0005), world.delta(), world.delta(10.0)]
    updates = world.round(deltas, [8, 8, 4, 8], {1: 300, 2: 310, 3: 800, 4: INVALID})
    take_up = world.rotate(2)
    liar = world.altered(world.accepted(updates))
    honest = next(n for n in world.rich([1, 2, 3, 4]) if n != liar)
    world.finish(world.propose(honest, world.accepted(updates)))
    take_up()

    world.come_back(liar)
    deltas = [world.delta() for _ in range(4)]
    scores = {1: 100, 2: 200, 3: 300, 4: 400}
    updates = world.round(deltas, [8, 4, 8, 8], scores, silent=True)
    chain.increase_time(TERMS.merge_window)
    first, second = world.rich([1, 2, 3, 4])[:2]
    world.unshown(first)
    world.finish(world.propose(second, world.accepted(updates)))

    world.report(2, hospitals[2].keys.signer)
    hospitals[3].own.exit()
    sponsor.revoke(1)
    chain.increase_time(TERMS.unbonding)
    sponsor.withdraw_stake(3)
    hospitals[1].own.claim(1)
    sponsor.claim(3)
    sponsor.withdraw(1000)
    world.odd_calls()
    head = chain.rpc("eth_getBlockByNumber", "latest", False)["hash"]
    keys = {number: one.keys.encryption_public for number, one in hospitals.items()}
    return Played(run, run / "chain.sqlite", sponsor.address, head, keys)
