"""``collegium model``: pre-train, ask and export models."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from collegium.cli import output
from collegium.cli.command import Noun
from collegium.cli.options import RunDir
from collegium.tasks.xray.recipe import TINY

app = Noun(help="Pre-train, ask and export models.")

_STEP = re.compile(r"step (\d+):")


@app.command(example="collegium model pretrain --out base --steps 2600")
def pretrain(
    out: Annotated[Path, typer.Option(help="Folder for the model.")],
    steps: Annotated[int | None, typer.Option(min=1, help="Optimiser steps.")] = None,
    pictures: Annotated[int | None, typer.Option(min=1, help="Phantoms to draw.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="For pictures and weights.")] = None,
) -> None:
    """Train the small base model on procedural phantoms (about 700 CPU-seconds)."""
    from collegium.tasks.xray.pretrain import Recipe
    from collegium.tasks.xray.pretrain import pretrain as run

    given = {"steps": steps, "pictures": pictures, "seed": seed}
    recipe = Recipe(**{name: value for name, value in given.items() if value is not None})
    with output.bar("pre-training", recipe.steps) as bar:
        document = run(out, recipe, lambda line: bar(_step(line), line))
    document = {"folder": str(out), **document}
    shown = ("folder", "parameters", "final_loss_nats_per_token", "weights_sha256")
    output.result(document, output.facts({name: document[name] for name in shown}))


@app.command(example='collegium model ask chest.png "What is the diagnosis?" --adapter adapter')
def ask(
    image: Annotated[Path, typer.Argument(help="A radiograph, PNG or JPEG.")],
    question: Annotated[str, typer.Argument(help="The question.")],
    adapter: Annotated[
        Path | None, typer.Option(help="Folder of a LoRA adapter (PEFT).", show_default=False)
    ] = None,
    federated: Annotated[
        bool, typer.Option("--federated", help="Ask the newest model of the run's federation.")
    ] = False,
    base: Annotated[str, typer.Option(help="tiny, a model folder, or a hub id.")] = TINY,
    dir: RunDir = None,
) -> None:
    """Ask the base model, an adapter, or a federation's model a question about a radiograph."""
    if adapter is not None and federated:
        raise typer.BadParameter("pass --adapter or --federated, not both")
    from collegium.tasks.xray import models
    from collegium.tasks.xray.pictures import read_image

    read_image(image)  # an unreadable image fails here, before the model is loaded
    with output.working("loading the model"):
        if federated:
            loaded, vector, _ = _federated(dir, None)
            task = models.as_dialogue(loaded)
        elif adapter is not None:
            task, vector = models.load_adapter(adapter, base)
        else:
            task, vector = models.load_base(base)
    answer = task.answer(vector, image, question)
    document = {
        "question": question,
        "answer": answer.text,
        "confidence": round(answer.confidence, 4),
        "p_yes": None if answer.p_yes is None else round(answer.p_yes, 4),
        "model": "federated" if federated else str(adapter or base),
    }
    output.result(
        document,
        f"[bold]{answer.text}[/]  (probability of this answer {answer.confidence:.1%})",
        "[dim]A research model, not a medical device.[/]",
    )


@app.command(example="collegium model export --out adapter")
def export(
    out: Annotated[Path, typer.Option(help="Folder to create.")],
    root: Annotated[
        str | None,
        typer.Option(help="State root in hex; default: the newest final one.", show_default=False),
    ] = None,
    dir: RunDir = None,
) -> None:
    """Write a federation's adapter as a plain PEFT folder."""
    with output.working("loading the model"):
        task, vector, state_root = _federated(dir, root)
    task.save_adapter(vector, out)
    document = {
        "folder": str(out),
        "state_root": "0x" + state_root.hex(),
        "base_model": task.layout.base_model,
    }
    output.result(document, output.facts(document))


def _federated(dir: Path | None, root: str | None) -> tuple[Any, Any, bytes]:
    """Task, vector and state root of a federation's model."""
    from collegium.cli.session import opened
    from collegium.workspace.checkpoint import load_federated

    if root is not None and not re.fullmatch(r"(0x)?[0-9a-fA-F]{64}", root):
        raise typer.BadParameter("64 hexadecimal digits are needed", param_hint="--root")
    with opened(dir) as session:
        if root is None:
            wanted = session.federation.state_root()
        else:
            wanted = bytes.fromhex(root.removeprefix("0x"))
        return *load_federated(session.run, wanted), wanted


def _step(line: str) -> int:
    match = _STEP.match(line)
    return int(match[1]) if match else 0
