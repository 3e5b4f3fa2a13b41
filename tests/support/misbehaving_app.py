"""The researcher's app on nodes that do not follow the protocol.

``node_config["outside"]`` names the behaviour with whole messages, outside the attestation;
``node_config["inside"]`` the behaviour in training and scoring, inside it. A behaviour is a Flower
mod; tests add theirs to ``BEHAVIOURS``.
"""

from flwr.app import Context, Message
from flwr.clientapp import ClientApp
from flwr.clientapp.typing import ClientAppCallable, Mod
from tests.support import foreign_app

from collegium.flower import attest

BEHAVIOURS: dict[str, Mod] = {}


def behave(where: str) -> Mod:
    """A mod that runs the behaviour named in the node's config, if there is one."""

    def mod(message: Message, context: Context, call_next: ClientAppCallable) -> Message:
        name = context.node_config.get(where)
        if name is None:
            return call_next(message, context)
        return BEHAVIOURS[str(name)](message, context, call_next)

    return mod


app = ClientApp(mods=[behave("outside"), attest(), behave("inside")])
app.train()(foreign_app.train)
app.evaluate()(foreign_app.evaluate)
