"""Create the federation of a demonstration: chain, contracts, money, members.

These are the calls that a consortium makes one by one. Keys are derived from the seed, so that two
runs with one seed have the same accounts, draws and payouts. One thing can differ between runs:
which validator is the first to dispute a wrong merge, and so gets the reward.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collegium.chain.connection import Chain
from collegium.chain.engines import connect
from collegium.chain.federation import Federation
from collegium.consortium import creation
from collegium.consortium.card_file import CardFile
from collegium.consortium.creation import agree
from collegium.consortium.joining import fund, give_gas, join
from collegium.lab.attacks import ALTERED_MERGE, EXPELLED
from collegium.lab.display import Display
from collegium.lab.scenario import Scenario
from collegium.lab.sites import Member, Sites
from collegium.protocol import draw
from collegium.protocol.amounts import TOKEN
from collegium.protocol.card import Limits, Scoring, TaskCard
from collegium.protocol.layout import Layout
from collegium.protocol.terms import Terms
from collegium.store import BlobStore
from collegium.tasks.task import Recipe
from collegium.workspace.home import NodeHome, NodeSettings
from collegium.workspace.keyring import Keyring
from collegium.workspace.run import Run

REWARD, STAKE = 1_000 * TOKEN, 500 * TOKEN
COMMITTEE = 4
SECRET = "collegium demo"  # passphrase in clear text: these keys protect nothing of value
_GENESIS_TIME = 1_767_225_600  # 2026-01-01T00:00:00Z; a fixed time, so that runs repeat
_GAS_MONEY = 10**17  # wei: 0.1 of the chain's currency
_KDF_ITERATIONS = 1_000  # few, to save time: this passphrase is public anyway
_HOUR = 3_600
_WINDOWS = ("commit", "score", "reveal", "merge", "challenge")


@dataclass(frozen=True)
class Founded:
    """A federation that is ready for its first round.

    Attributes:
        run: folder of the run.
        federation: the contracts, as the coordinator's account.
        card, layout: the agreement.
        store: the store of envelopes and states.
        homes: folders of the nodes, by node id.
        names: names of the nodes, by node id.
    """

    run: Path
    chain: Chain
    federation: Federation
    card: TaskCard
    layout: Layout
    store: BlobStore
    homes: dict[int, NodeHome]
    names: dict[int, str]


def open_chain(scenario: Scenario) -> Chain:
    """Start the scenario's chain or connect to it; the embedded one has a virtual clock."""
    if scenario.chain == "embedded":
        return connect(
            "embedded",
            run_dir=scenario.out,
            clock="virtual",
            genesis_time=_GENESIS_TIME,
            seed=_derive(scenario, "chain"),
        )
    return connect(scenario.chain, run_dir=scenario.out, start_engine=True, port=0)


def write_card(scenario: Scenario, sites: Sites, recipe: Recipe, rounds: int) -> CardFile:
    """The card on which the members of the demonstration agree."""
    # Nodes that are removed on the way cannot fill a committee or reach the fewest updates.
    lasting = sum(member.attack not in EXPELLED for member in sites.members)
    agreed: dict[str, Any] = {
        "reward": REWARD,
        "stake": STAKE,
        "node_share": 8_500,
        "validator_share": 1_000,
        "aggregator_share": 500,
        "committee": min(COMMITTEE, lasting),
        "min_updates": min(3, lasting),
        "min_score": scenario.kind.min_score,
        **{f"{name}_window": _HOUR for name in _WINDOWS},
        **scenario.terms,  # last: the scenario's own terms take precedence
    }
    return CardFile(
        name=scenario.kind.title,
        task=scenario.task,
        version=1,
        challenge=sites.challenge,
        token="",
        deposit=rounds * REWARD,
        recipe=recipe,
        limits=Limits(norm=100.0, cosine=0.98),
        scoring=Scoring(),
        terms=Terms.usual(**agreed),
    )


def create_federation(
    scenario: Scenario, sites: Sites, card: CardFile, chain: Chain, display: Display
) -> Founded:
    """Deploy the contracts, fund the escrow and register all members."""
    sponsor = chain.dev_accounts[0]
    with display.step("Loading the base model, agreeing on the task card"):
        agreement = agree(card)
    with display.step("Deploying the contracts and funding the escrow"):
        run, reading = creation.create_federation(
            scenario.out,
            chain,
            sponsor,
            agreement,
            deposit=card.deposit,
        )
    federation = reading.using(sponsor)
    homes, names = {}, {}
    with display.step("Registering the nodes with their stakes", len(sites.members)) as step:
        for index in _seating(sites.members):
            member = sites.members[index]
            home = NodeHome(scenario.out / "nodes" / member.name)
            keys = Keyring.generate(_derive(scenario, member.name))
            keys.save(home.keys, SECRET, iterations=_KDF_ITERATIONS)
            federation.admit(keys.account.address)
            fund(federation, keys.account.address, wei=_GAS_MONEY)
            give_gas(federation, sponsor, keys.signer.address, _GAS_MONEY)
            settings = _settings(scenario, sites, member, run, index)
            number = join(Run.load(scenario.out), federation, home, SECRET, settings).id
            homes[number], names[number] = home, member.name
            step.advance(member.name)
    store = BlobStore(run.store_root)
    card_document, layout = agreement.card, agreement.layout
    for document in (card_document, layout):  # with the store alone, one can find them by digest
        store.put(document.encode())
    return Founded(scenario.out, chain, federation, card_document, layout, store, homes, names)


def _seating(members: Sequence[Member]) -> list[int]:
    """Positions of ``members`` in the order of registration.

    Nodes that alter merges are placed where the draw of the first rounds selects them as
    aggregator, so that a short demonstration shows the attack.
    """
    order = [i for i, member in enumerate(members) if member.attack != ALTERED_MERGE]
    altering = [i for i, member in enumerate(members) if member.attack == ALTERED_MERGE]
    for round_id, index in enumerate(altering, start=1):
        order.insert(draw.aggregator(round_id, range(len(members))), index)
    return order


def _settings(
    scenario: Scenario, sites: Sites, member: Member, run: Run, index: int
) -> NodeSettings:
    return NodeSettings(
        name=member.name,
        chain=str(run.chain_spec),
        federation=run.federation,
        data=str(member.data.resolve()),
        challenge=str(sites.challenge.resolve()),
        first_block=run.first_block,
        seed=1_000 * scenario.seed + index,
    )


def _derive(scenario: Scenario, purpose: str) -> bytes:
    return hashlib.sha256(f"collegium demo {scenario.seed} {purpose}".encode()).digest()
