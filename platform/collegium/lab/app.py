"""The ClientApp of a demonstration: the hospitals' app, with room for dishonest ones."""

from flwr.app import Context, Message
from flwr.clientapp import ClientApp

from collegium.flower.apps import client_app
from collegium.lab.attacks import misbehave, withhold

_app: ClientApp = client_app(misbehave())


def app(message: Message, context: Context) -> Message:
    """What the grid calls for every node."""
    return withhold()(message, context, _app)
