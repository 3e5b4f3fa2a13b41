"""Runs both apps in one process, as Flower's SuperLink and SuperNodes would on four machines."""

import sys
from pathlib import Path

import model
import server_app
from flwr.app import Context, RecordDict

from collegium.flower.grid import SERVER, LocalGrid
from consortium import FOLDER, HOSPITALS


def main(rounds: int) -> None:
    nodes = {
        number + 1: {"collegium-home": str(FOLDER / name), "hospital": number}
        for number, name in enumerate(HOSPITALS, start=1)
    }
    settings = {"federation": str(FOLDER), "rounds": rounds}
    context = Context(
        run_id=1, node_id=SERVER, node_config={}, state=RecordDict(), run_config=settings
    )
    server_app.app(LocalGrid("client_app:app", nodes), context)
    merged = context.state["arrays"]["weights"].numpy()
    for number, name in enumerate(HOSPITALS, start=1):
        before, after = model.loss(model.initial(), number), model.loss(merged, number)
        print(f"{name}: mean squared error {before:.3f} before, {after:.3f} after {rounds} rounds")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main(rounds=int(sys.argv[1]) if len(sys.argv) > 1 else 2)
