"""The two seams into Flower: a client mod and a strategy.

``ClientApp(mods=[attest()])`` at a hospital, ``Verified.open(FedAvg(), folder)`` at the server.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collegium.flower.mod import attest
    from collegium.flower.strategy import Verified

__all__ = ["Verified", "attest"]


# Imported on first use: a client does not load the server's side, and the other way round.
def __getattr__(name: str) -> Any:
    if name == "attest":
        from collegium.flower.mod import attest

        return attest
    if name == "Verified":
        from collegium.flower.strategy import Verified

        return Verified
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
