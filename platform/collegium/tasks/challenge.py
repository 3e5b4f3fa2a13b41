"""The challenge set that the members of a federation agreed on."""

from pathlib import Path

from collegium.errors import ModelMismatch
from collegium.protocol.card import TaskCard
from collegium.tasks.registry import agreed
from collegium.tasks.task import Dataset


def read_challenge(card: TaskCard, folder: Path) -> Dataset:
    """The challenge set in ``folder``, which has to be the one on the card.

    Raises:
        DataError: the folder cannot be read.
        ModelMismatch: it has another digest.
    """
    kind, _ = agreed(card)
    challenge = kind.read(folder)
    if challenge.digest != card.challenge:
        raise ModelMismatch(
            expected=f"the challenge set of the card, SHA-256 {card.challenge}",
            found=f"{challenge.digest} at {folder}",
            action="Fetch the challenge set of this federation.",
        )
    return challenge
