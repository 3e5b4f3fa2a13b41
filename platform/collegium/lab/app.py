"""The ClientApp of a demonstration: the hospitals' app, with dishonest behaviour added."""

from flwr.app import Context, Message
from flwr.clientapp import ClientApp

from collegium.flower.apps import client_app
from collegium.lab.attacks import alter, misbehave, withhold

_app: ClientApp = client_app(misbehave())
_altering, _withholding = alter(), withhold()


def app(message: Message, context: Context) -> Message:
    """Handle a message for a node; the grid calls this for every node."""
    return _withholding(message, context, lambda m, c: _altering(m, c, _app))
