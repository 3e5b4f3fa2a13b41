"""How the federation of a demonstration comes about: chain, contracts, money, members.

The same calls that a consortium makes one by one, with keys that follow from the seed, so that
two runs with one seed have the same accounts, draws and payouts.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from collegium.chain.connection import Chain
from collegium.chain.engines import connect, status
from collegium.chain.federation import Federation, deploy_federation, deploy_token
from collegium.chain.sender import Sender
from collegium.lab.display import Display
from collegium.lab.scenario import Scenario
from collegium.lab.sites import Member, Sites
from collegium.protocol import state
from collegium.protocol.card import Limits, TaskCard
from collegium.protocol.layout import Layout
from collegium.protocol.terms import EQUAL, SCORE, Terms
from collegium.roles.home import NodeHome, NodeSettings
from collegium.roles.keyring import Keyring
from collegium.roles.run import Run
from collegium.store import BlobStore
from collegium.tasks import Recipe
from collegium.tasks.task import Task

TOKEN = 10**18
REWARD, STAKE = 1_000 * TOKEN, 500 * TOKEN
PASSPHRASE = "collegium demo"  # the keys of a demonstration are worth nothing
_GENESIS_TIME = 1_767_225_600  # 2026-01-01T00:00:00Z
_GAS_MONEY = 10**17
_KDF_ITERATIONS = 1_000
_HOUR = 3_600


@dataclass(frozen=True)
class Founded:
    """A federation that is ready for its first round.

    Attributes:
        run: folder of the run.
        federation: the contracts, as the coordinator's account.
        card, layout: the agreement.
        store: envelopes and states.
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
    """Start or reach the chain of the scenario; the embedded one keeps no wall-clock time."""
    if scenario.chain == "embedded":
        return connect(
            "embedded",
            run_dir=scenario.out,
            clock="virtual",
            genesis_time=_GENESIS_TIME,
            seed=_derive(scenario, "chain"),
        )
    return connect(scenario.chain, run_dir=scenario.out, start_engine=True, port=0)


def write_card(scenario: Scenario, sites: Sites, task: Task, recipe: Recipe) -> TaskCard:
    """What the members of the demonstration agree on."""
    members = len(sites.members)
    terms = Terms(
        reward=REWARD,
        stake=STAKE,
        node_share=8_500,
        validator_share=1_000,
        aggregator_share=500,
        committee=min(5, members),
        min_updates=min(3, members),
        min_score=recipe.min_score,
        weight_rule=SCORE if recipe.weight_rule == "score" else EQUAL,
        commit_window=_HOUR,
        score_window=_HOUR,
        reveal_window=_HOUR,
        merge_window=_HOUR,
        challenge_window=_HOUR,
    )
    return TaskCard(
        name="Chest X-ray dialogue",
        task=task.name,
        layout=task.layout.digest.hex(),
        base_model=task.layout.base_model,
        challenge=sites.challenge_digest,
        genesis=state.root(state.zeros(task.layout)).hex(),
        metric="answer accuracy",
        recipe=recipe.to_json(),
        limits=Limits(norm=100.0, cosine=0.98),
        terms=terms,
    )


def found(
    scenario: Scenario,
    sites: Sites,
    card: TaskCard,
    layout: Layout,
    chain: Chain,
    rounds: int,
    display: Display,
) -> Founded:
    """Deploy, fund and register everybody."""
    sponsor = chain.dev_accounts[0]
    sender = Sender(chain, sponsor)
    with display.step("Deploying the contracts and funding the escrow"):
        token = deploy_token(sender)
        federation, receipt = deploy_federation(
            sender,
            card.terms,
            card=card.digest,
            genesis=bytes.fromhex(card.genesis),
            token=token.address,
            admin=sponsor.address,
        )
        federation.mint(sponsor.address, rounds * card.terms.reward)
        federation.deposit(rounds * card.terms.reward)
    homes, names = {}, {}
    os.environ["COLLEGIUM_PASSPHRASE"] = PASSPHRASE
    with display.step("Registering the nodes with their stakes", len(sites.members)) as step:
        for member in sites.members:
            home = NodeHome(scenario.out / "nodes" / member.name)
            keys = Keyring.generate(_derive(scenario, member.name))
            keys.save(home.keys, PASSPHRASE, iterations=_KDF_ITERATIONS)
            number = _join(federation, sender, keys)
            settings = _settings(scenario, sites, member, federation, receipt.block, number)
            home.write_settings(settings, card.encode(), layout.encode())
            homes[number], names[number] = home, member.name
            step.advance(member.name)
    store = BlobStore(scenario.out / "store")
    for document in (card, layout):  # whoever has the store finds the agreement by its digest
        store.put(document.encode())
    run = Founded(scenario.out, chain, federation, card, layout, store, homes, names)
    _write_run(run, receipt.block)
    return run


def _join(federation: Federation, sponsor: Sender, keys: Keyring) -> int:
    """Admit one account, give it its stake and gas money, and register it."""
    account, signer = keys.account.address, keys.signer.address
    for address in (account, signer):
        sponsor.send(address, b"", value=_GAS_MONEY)
    federation.admit(account)
    federation.mint(account, STAKE)
    member = federation.using(keys.account)
    member.register(signer, keys.encryption_public, keys.transport_digest)
    return federation.node_of(account)


def _settings(
    scenario: Scenario,
    sites: Sites,
    member: Member,
    federation: Federation,
    first_block: int,
    number: int,
) -> NodeSettings:
    return NodeSettings(
        name=member.name,
        chain=chain_spec(scenario, federation.chain),
        federation=federation.address,
        data=str(member.data.resolve()),
        challenge=str(sites.challenge.resolve()),
        first_block=first_block,
        seed=1_000 * scenario.seed + number,
        attack=member.attack,
    )


def chain_spec(scenario: Scenario, chain: Chain) -> str:
    """How another process reaches the chain."""
    if chain.engine == "embedded":
        return str((scenario.out / "chain.sqlite").resolve())
    running = status(scenario.out)
    return running.url if running is not None else chain.spec


def _write_run(founded: Founded, first_block: int) -> None:
    (founded.run / "card.json").write_bytes(founded.card.encode())
    (founded.run / "layout.json").write_bytes(founded.layout.encode())
    chain = next(iter(founded.homes.values())).settings().chain
    run = Run(
        folder=founded.run,
        chain="chain.sqlite" if founded.chain.engine == "embedded" else chain,
        federation=founded.federation.address,
        first_block=first_block,
    )
    run.with_nodes(home.path for home in founded.homes.values()).save()


def _derive(scenario: Scenario, purpose: str) -> bytes:
    return hashlib.sha256(f"collegium demo {scenario.seed} {purpose}".encode()).digest()
