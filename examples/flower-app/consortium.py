"""Creates a federation for this model on a local chain, and registers three hospitals.

``collegium federation create`` and ``collegium node register`` do the same for registered tasks.
A model of your own says itself what is trained (the layout) and what was agreed (the card).
"""

import hashlib
import os
from pathlib import Path

import model

from collegium.chain.engines import connect
from collegium.consortium import joining
from collegium.consortium.creation import Agreement, create_federation
from collegium.protocol import state
from collegium.protocol.card import Limits, TaskCard
from collegium.protocol.layout import Layout, Tensor
from collegium.protocol.terms import Terms
from collegium.workspace.home import NodeHome, NodeSettings
from collegium.workspace.keyring import Keyring

FOLDER = Path("federation")
HOSPITALS = ("cardiac", "pulmonary", "trauma")
TOKEN = 10**18  # units of one token


def agreement() -> Agreement:
    """The card and the layout: what all members agree on before the first round."""
    frozen = b""  # nothing but the weights below takes part in the model
    layout = Layout(
        task="laboratory-values",
        base_model=hashlib.sha256(model.initial().tobytes()).hexdigest(),
        mode="ffa",
        rank=1,
        alpha=1,
        frozen=hashlib.sha256(frozen).hexdigest(),
        tensors=(Tensor("weights", (model.INPUTS, model.OUTPUTS)),),
    )
    card = TaskCard(
        name="Laboratory values",
        task=layout.task,
        layout=layout.digest.hex(),
        base_model=layout.base_model,
        challenge=hashlib.sha256(b"none: each validator scores on its own examples").hexdigest(),
        genesis=state.root(state.zeros(layout)).hex(),
        metric="mean squared error",
        recipe={},
        limits=Limits(norm=10.0, cosine=0.98),
        terms=terms(),
    )
    return Agreement(card, layout, frozen)


def terms() -> Terms:
    """Who is paid how much, and how long each phase may take (seconds)."""
    return Terms.usual(
        reward=1_000 * TOKEN,
        stake=100 * TOKEN,
        node_share=8_500,  # of the reward, in basis points
        validator_share=1_000,
        aggregator_share=500,
        committee=3,
        min_updates=2,
        min_score=0,
        weight_rule=0,  # all accepted updates weigh the same
        commit_window=60,
        score_window=60,
        reveal_window=60,
        merge_window=60,
        challenge_window=10,
    )


def main() -> None:
    passphrase = os.environ["COLLEGIUM_PASSPHRASE"]
    FOLDER.mkdir()
    with connect(str(FOLDER / "chain.sqlite")) as chain:
        sponsor = chain.dev_accounts[0]
        run, federation = create_federation(
            FOLDER, chain, sponsor, agreement(), deposit=10_000 * TOKEN
        )
        for name in HOSPITALS:
            home = NodeHome(FOLDER / name)
            keys = Keyring.generate()
            keys.save(home.keys, passphrase)
            council = federation.using(sponsor)
            council.admit(keys.account.address)
            joining.fund(council, keys.account.address, wei=2 * 10**18)
            settings = NodeSettings(
                name=name,
                chain=str(run.chain_spec),
                federation=run.federation,
                first_block=run.first_block,
                data="",  # the app knows where its data are
                challenge="",
            )
            joined = joining.register(run, federation, home, passphrase, settings)
            joining.give_gas(federation, keys.account, keys.signer.address, 10**18)
            run = run.with_nodes([home.path])
            print(f"{name} is node {joined.id}, account {keys.account.address}")


if __name__ == "__main__":
    main()
