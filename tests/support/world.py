"""A small real federation to test against: contracts on an embedded chain, hospitals with keys.

Nothing is mocked: contracts, keys, journals, envelopes and scores are real. Only the model is
small, a linear regression that numpy trains in a millisecond, and time is the chain's own, so
that waiting for a deadline of an hour takes no time.

:class:`World` is the federation; ``by_hand`` drives rounds of it role by role, ``foreign_app``
through Flower.
"""

import json
import shutil
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tests.support.passphrase import PASSPHRASE
from tests.support.terms import LIMITS, TERMS

from collegium.chain import history
from collegium.chain.bindings import deploy
from collegium.chain.connection import Chain
from collegium.chain.engines import connect
from collegium.chain.federation import Federation, deploy_federation, deploy_token
from collegium.chain.sender import Sender
from collegium.chain.shipped import Artifact
from collegium.protocol import state
from collegium.protocol.card import Limits, TaskCard
from collegium.protocol.layout import Layout, Tensor
from collegium.protocol.signing import Domain
from collegium.protocol.terms import Terms
from collegium.roles.coordinator import Coordinator
from collegium.roles.node import Node
from collegium.roles.view import RoundView
from collegium.store import BlobStore
from collegium.workspace.home import NodeHome, NodeSettings
from collegium.workspace.keyring import Keyring

Vector = npt.NDArray[np.float32]

FEATURES, OUTPUTS = 20, 15
SHAPE = (FEATURES, OUTPUTS)
LAYOUT = Layout(
    task="regression",
    base_model="aa" * 32,
    mode="ffa",
    rank=4,
    alpha=8,
    frozen="bb" * 32,
    tensors=(Tensor("w", SHAPE),),
)


# -- the hospitals' data and model ---------------------------------------------------------------


@dataclass(frozen=True)
class Site:
    """One hospital's examples: inputs ``[n, 20]`` and answers ``[n, 15]`` of one true model.

    Each hospital sees some features strongly and others faintly, as real hospitals see some
    diseases more often, so that each teaches something else.
    """

    train: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
    held_out: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]

    def learn(self, vector: Vector) -> Vector:
        """A few steps of gradient descent, float32 ``[padded]`` to float32 ``[padded]``."""
        inputs, answers = self.train
        weights = LAYOUT.unflatten(vector)["w"].astype(np.float64)
        for _ in range(4):
            weights -= 0.3 * inputs.T @ (inputs @ weights - answers) / len(inputs)
        return LAYOUT.flatten({"w": weights.astype(np.float32)})

    def loss(self, vector: Vector) -> float:
        """Mean squared error on the held-out examples."""
        inputs, answers = self.held_out
        return float(np.mean((inputs @ LAYOUT.unflatten(vector)["w"] - answers) ** 2))


@cache
def site(number: int) -> Site:
    """The data of node ``number``; equal numbers have equal data."""
    true = np.random.default_rng(0).normal(0.0, 0.2, SHAPE)
    rng = np.random.default_rng([1, number])
    strength = np.where(np.arange(FEATURES) % 5 == number % 5, 1.5, 0.4)

    def draw(rows: int, scale: npt.NDArray[np.float64] | float) -> Any:
        inputs = rng.normal(0.0, scale, (rows, FEATURES))
        return inputs, inputs @ true + rng.normal(0.0, 0.05, (rows, OUTPUTS))

    return Site(draw(60, strength), draw(80, 1.0))


# -- the federation ------------------------------------------------------------------------------


def found(
    folder: Path,
    nodes: int,
    terms: Terms = TERMS,
    limits: Limits = LIMITS,
    chain_id: int | None = None,
    token: Artifact | None = None,
) -> None:
    """Create a federation with registered nodes in ``folder``, which many tests copy."""
    folder.mkdir(parents=True, exist_ok=True)
    options = {"clock": "virtual", "seed": b"world", "chain_id": chain_id}
    with connect(str(folder / "chain.sqlite"), **options) as chain:
        found_on(chain, folder, nodes, terms, limits, token)


def card_of(terms: Terms = TERMS, limits: Limits = LIMITS) -> TaskCard:
    """The task card that all members of a test federation agree on."""
    return TaskCard(
        name="Test consortium",
        task=LAYOUT.task,
        layout=LAYOUT.digest.hex(),
        base_model=LAYOUT.base_model,
        challenge="cc" * 32,
        genesis=state.root(state.zeros(LAYOUT)).hex(),
        metric="loss",
        recipe={},
        limits=limits,
        terms=terms,
    )


def found_on(
    chain: Chain,
    folder: Path,
    nodes: int,
    terms: Terms = TERMS,
    limits: Limits = LIMITS,
    token: Artifact | None = None,
) -> None:
    """The same on any local chain; keys, documents and address are written to ``folder``."""
    card = card_of(terms, limits)
    sender = Sender(chain, chain.dev_accounts[0])
    money = deploy_token(sender) if token is None else deploy(sender, token)[0]
    federation, receipt = deploy_federation(
        sender,
        terms,
        card=card.digest,
        genesis=bytes.fromhex(card.genesis),
        token=money.address,
        admin=sender.address,
    )
    federation.mint(sender.address, 20 * terms.reward)
    federation.deposit(20 * terms.reward)
    for number in range(1, nodes + 1):
        keys = Keyring.generate(b"node %d" % number)
        home = NodeHome(folder / f"node{number}")
        keys.save(home.keys, PASSPHRASE, iterations=1)
        register(federation, keys)
        home.write_settings(settings_of(number, federation), card.encode(), LAYOUT.encode())
    place = {"federation": federation.address, "first_block": receipt.block}
    if chain.embedded is None:
        place["chain"] = str(chain.spec)
    (folder / "place.json").write_text(json.dumps(place))


def settings_of(number: int, federation: Federation) -> NodeSettings:
    """The settings that a node stores when it joins."""
    return NodeSettings(
        name=f"node {number}",
        chain=str(federation.chain.spec),
        federation=federation.address,
        first_block=federation.first_block,
        data="",
        challenge="",
    )


def register(federation: Federation, keys: Keyring) -> int:
    """Admit an account, give it gas and its stake, and register it."""
    for key in (keys.account, keys.signer):
        federation.sender.send(key.address, value=10**17)
    federation.mint(keys.account.address, federation.terms()["stake"])
    federation.admit(keys.account.address)
    receipt = federation.using(keys.account).register(
        keys.signer.address, keys.encryption_public, keys.transport_digest
    )
    return int(receipt.event("NodeRegistered")["id"])


class World:
    """The federation that :func:`found` or :func:`found_on` made in a folder."""

    def __init__(self, folder: Path) -> None:
        place = json.loads((folder / "place.json").read_text())
        self.folder = folder
        self.chain: Chain = connect(place.get("chain", str(folder / "chain.sqlite")))
        reader = Federation(self.chain, place["federation"], first_block=place["first_block"])
        self.federation = reader.using(self.chain.dev_accounts[0])
        self.store = BlobStore(folder / "store")
        homes = sorted(folder.glob("node*"), key=lambda path: int(path.name[4:]))
        self.homes = {number: NodeHome(home) for number, home in enumerate(homes, start=1)}
        self.card = TaskCard.decode(self.homes[1].card())
        self.terms = self.card.terms
        self._opened: list[Node] = []

    @classmethod
    def copy(cls, template: Path, folder: Path, **settings: Any) -> "World":
        """A copy of a federation for one test; the template is not changed.

        Args:
            template: the folder of a federation whose chain is in a file, or on a running engine.
            folder: folder of the copy.
            settings: settings of all nodes that differ from the template's.
        """
        folder.mkdir()
        for path in template.iterdir():
            if path.is_dir():
                shutil.copytree(path, folder / path.name)
            else:
                shutil.copy(path, folder)
        world = cls(folder)
        for number in world.homes:
            world.configure(number, chain=str(world.chain.spec), **settings)
        return world

    def found_another(self) -> Federation:
        """A second federation on the same chain with the same terms and no members."""
        other, _ = deploy_federation(
            self.federation.sender,
            self.terms,
            card=self.card.digest,
            genesis=bytes.fromhex(self.card.genesis),
            token=self.federation.token.address,
            admin=self.federation.sender.address,
        )
        return other

    def configure(self, number: int, **settings: Any) -> None:
        """Change some settings of one node."""
        home = self.homes[number]
        home.write_settings(replace(home.settings(), **settings), home.card(), home.layout())

    def node(self, number: int) -> Node:
        """Node ``number``, opened again from its folder, as after a restart."""
        node = Node.open(self.homes[number].path)
        self._opened.append(node)
        return node

    def join(self, seed: bytes) -> int:
        """One more hospital registers."""
        home = NodeHome(self.folder / f"node{len(self.homes) + 1}")
        keys = Keyring.generate(seed)
        keys.save(home.keys, PASSPHRASE, iterations=1)
        number = register(self.federation, keys)
        settings = settings_of(number, self.federation)
        home.write_settings(settings, self.card.encode(), LAYOUT.encode())
        self.homes[number] = home
        return number

    @property
    def coordinator(self) -> Coordinator:
        return Coordinator(self.federation, fast_forward=True)

    @property
    def domain(self) -> Domain:
        return Domain(self.chain.chain_id, self.federation.address)

    def view(self) -> RoundView:
        return self.coordinator.view()

    def pass_deadline(self) -> RoundView:
        """Let the deadline of the current phase pass."""
        self.chain.increase_time(max(1, self.view().deadline - self.chain.timestamp()))
        return self.view()

    def settled(self, round_id: int) -> history.Settled:
        """How a round was settled."""
        found = history.settled(self.federation.events(), round_id)
        assert found is not None, f"round {round_id} is not settled"
        return found

    def scores(self, round_id: int) -> dict[int, int]:
        """Median score in micro-nats by node."""
        updates = history.updates(self.federation.events(), round_id)
        medians = self.settled(round_id).medians
        return {node: m for (node, _), m in zip(updates, medians, strict=True)}

    def weights(self, round_id: int) -> dict[int, int]:
        """Merge weight by node."""
        updates = history.updates(self.federation.events(), round_id)
        return {n: w for (n, _), w in zip(updates, self.settled(round_id).weights, strict=True)}

    def pays(self, round_id: int) -> dict[int, int]:
        """Token units that the update of each node earned."""
        updates = history.updates(self.federation.events(), round_id)
        return {n: p for (n, _), p in zip(updates, self.settled(round_id).pays, strict=True)}

    def fees(self, round_id: int) -> dict[int, int]:
        """Token units that each committee member earned for its vote."""
        drawn = history.drawn(self.federation.events(), round_id)
        assert drawn is not None
        return dict(zip(drawn.committee, self.settled(round_id).fees, strict=True))

    def close(self) -> None:
        for node in self._opened:
            node.federation.chain.close()
        self.chain.close()
