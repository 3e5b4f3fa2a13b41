"""The ClientApp of a demonstration: the hospitals' app, with room for dishonest ones."""

from flwr.app import Context, Message
from flwr.clientapp import ClientApp

from collegium.flower.apps import client_app
from collegium.lab.attacks import alter, misbehave, withhold

_app: ClientApp = client_app(misbehave())
_altering, _withholding = alter(), withhold()


def app(message: Message, context: Context) -> Message:
    """What the grid calls for every node."""
    return _withholding(message, context, lambda m, c: _altering(m, c, _app))
