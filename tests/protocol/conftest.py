"""Values that many protocol tests use.

``Hospital`` makes updates, honest or not; ``Consortium`` drives the reference model.
"""

from dataclasses import replace

import numpy as np
import pytest
from tests.support.consortium import FEDERATION, Consortium, address
from tests.support.terms import LIMITS, TERMS

from collegium.protocol import codec
from collegium.protocol.card import TaskCard
from collegium.protocol.checks import Case
from collegium.protocol.container import Update
from collegium.protocol.layout import Layout, Tensor
from collegium.protocol.manifest import Manifest
from collegium.protocol.signing import Domain, sign
from collegium.protocol.terms import Terms

BASE = bytes(range(32))


@pytest.fixture(scope="session")
def terms() -> Terms:
    return TERMS


@pytest.fixture(scope="session")
def layout() -> Layout:
    """337 lanes in two leaves, so that there is padding."""
    return Layout(
        task="xray-dialogue",
        base_model="aa" * 32,
        mode="ffa",
        rank=4,
        alpha=8,
        frozen="bb" * 32,
        tensors=(Tensor("a.lora_B", (16, 20)), Tensor("b.lora_B", (17,))),
    )


@pytest.fixture(scope="session")
def card(layout, terms) -> TaskCard:
    return TaskCard(
        name="Four hospitals",
        task=layout.task,
        layout=layout.digest.hex(),
        base_model=layout.base_model,
        challenge="cc" * 32,
        genesis="dd" * 32,
        metric="accuracy",
        recipe={"steps": 30, "lr": 0.004, "schedule": ["cosine", None, True]},
        limits=replace(LIMITS, norm=1.0),
        terms=terms,
    )


class Hospital:
    """A node that makes updates; false fields are given by keyword."""

    def __init__(self, layout: Layout, number: int) -> None:
        self.layout = layout
        self.key, self.account = bytes([number]) * 32, address(bytes([100 + number]) * 32)
        self.signer = address(self.key)
        self.number = number

    def delta(self) -> np.ndarray:
        rng = np.random.default_rng(self.number)
        delta = np.zeros(self.layout.padded)
        delta[: self.layout.lanes] = rng.normal(scale=1e4, size=self.layout.lanes)
        return delta

    def update(self, delta=None, width=8, encoded=None, key=None, **lies) -> Update:
        encoded = encoded or codec.quantise(self.delta() if delta is None else delta, width)
        manifest = Manifest(
            federation=FEDERATION,
            chain_id=31337,
            round=7,
            node=self.account,
            base=BASE.hex(),
            layout=self.layout.digest.hex(),
            bits=encoded.bits,
            lane_root=codec.lane_root(encoded).hex(),
            samples=120,
        )
        manifest = replace(manifest, **lies)
        digest = Domain(manifest.chain_id, manifest.federation).update_digest(
            manifest.round, self.account, bytes.fromhex(manifest.base), manifest.update_digest
        )
        return Update(manifest, sign(digest, key or self.key), encoded)

    def case(self, card: TaskCard, update: Update, **changes) -> Case:
        case = Case(
            domain=Domain(31337, FEDERATION),
            card=card,
            layout=self.layout,
            round=7,
            base=BASE,
            account=self.account,
            signer=self.signer,
            active=True,
            committed=update.manifest.update_digest,
        )
        return replace(case, **changes)


@pytest.fixture(scope="session")
def hospital(layout) -> Hospital:
    return Hospital(layout, 1)


@pytest.fixture(scope="session")
def hospitals(layout) -> list[Hospital]:
    return [Hospital(layout, number) for number in range(1, 5)]


@pytest.fixture
def consortium(terms) -> Consortium:
    return Consortium(terms)


@pytest.fixture(scope="session")
def make_consortium():
    return Consortium
