"""The model of a federation at one of its states."""

from collegium.protocol import state
from collegium.protocol.card import TaskCard
from collegium.protocol.layout import Layout
from collegium.store import BlobStore
from collegium.store.states import find_state
from collegium.tasks.registry import agreed
from collegium.tasks.task import Task, Vector
from collegium.workspace.run import Run


def load_federated(run: Run, root: bytes) -> tuple[Task, Vector]:
    """The task and the adapter of a federation at one of its states.

    Args:
        root: state root, 32 bytes.

    Raises:
        BlobMissing: the run's store does not contain this state, or the frozen part is missing.
        ModelMismatch: the base model on this machine is not the agreed one.
    """
    card = TaskCard.decode(run.card_file.read_bytes())
    layout = Layout.decode(run.layout_file.read_bytes())
    store = BlobStore(run.store_root)
    vector = state.to_float(find_state(store, layout, root))
    frozen = (
        store.get(layout.frozen) if layout.frozen in store else None
    )  # else drawn from the seed
    kind, recipe = agreed(card)
    return kind.load(recipe, layout=layout, frozen=frozen), vector
