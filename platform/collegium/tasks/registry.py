"""The table of task kinds. A new task is a folder and one line here.

A kind is named by a text, so that it is imported when it is asked for and not before.
"""

from importlib import import_module

from collegium.errors import BadCard
from collegium.protocol.card import TaskCard
from collegium.tasks.task import Recipe, TaskKind

KINDS = {
    "xray-dialogue": "collegium.tasks.xray.kind:KIND",
}
"""Where each kind is, as ``module:name``, by its name on a card."""

DEFAULT = "xray-dialogue"
"""The kind of a demonstration or a card file that names none."""


def task_kind(name: str) -> TaskKind:
    """The kind called ``name``; raises BadCard if there is none."""
    place = KINDS.get(name)
    if place is None:
        raise BadCard(
            expected=f"a task among {', '.join(KINDS)}",
            found=repr(name)[:80],
            action="Correct the task's name, or install the version that knows this task.",
        )
    module, _, attribute = place.partition(":")
    kind: TaskKind = getattr(import_module(module), attribute)
    return kind


def agreed(card: TaskCard) -> tuple[TaskKind, Recipe]:
    """The kind and the recipe of a card.

    Raises:
        BadCard: the task is not known, the metric is not the task's, or the recipe is unusable.
    """
    kind = task_kind(card.task)
    if card.metric != kind.metric.name:
        raise BadCard(
            expected=f"the metric of {kind.name}: {kind.metric.name}",
            found=repr(card.metric)[:80],
            action="Use the card of a federation whose members have this version.",
        )
    return kind, kind.recipe(card.recipe)
