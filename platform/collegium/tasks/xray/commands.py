"""``collegium model pretrain``, ``collegium model ask`` and ``collegium model look``."""

import re
from pathlib import Path
from typing import Annotated

import typer

from collegium.tasks.commands import Host, ModelCommand, Shown
from collegium.tasks.xray.recipe import TINY

_STEP = re.compile(r"step (\d+):")


def pretrain(
    host: Host,
    out: Annotated[Path, typer.Option(help="Folder for the model.")],
    steps: Annotated[int | None, typer.Option(min=1, help="Optimiser steps.")] = None,
    pictures: Annotated[int | None, typer.Option(min=1, help="Phantoms to draw.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="For pictures and weights.")] = None,
) -> Shown:
    """Train the small base model on procedural phantoms (about 700 CPU-seconds)."""
    from collegium.tasks.xray.pretrain import Recipe
    from collegium.tasks.xray.pretrain import pretrain as run

    given = {"steps": steps, "pictures": pictures, "seed": seed}
    recipe = Recipe(**{name: value for name, value in given.items() if value is not None})
    with host.filling(out), host.bar("pre-training", recipe.steps) as bar:
        document = run(out, recipe, lambda line: bar(_step(line), line))
    document = {"folder": str(out), **document}
    shown = ("folder", "parameters", "final_loss_nats_per_token", "weights_sha256")
    return Shown(document, tuple(f"{name}  {document[name]}" for name in shown))


def ask(
    host: Host,
    image: Annotated[Path, typer.Argument(help="A radiograph, PNG or JPEG.")],
    question: Annotated[str, typer.Argument(help="The question.")],
    adapter: Annotated[
        Path | None, typer.Option(help="Folder of a LoRA adapter (PEFT).", show_default=False)
    ] = None,
    federated: Annotated[
        bool, typer.Option("--federated", help="Ask the newest model of the run's federation.")
    ] = False,
    base: Annotated[str, typer.Option(help="tiny, a model folder, or a hub id.")] = TINY,
) -> Shown:
    """Ask the base model, an adapter, or a federation's model a question about a radiograph."""
    if adapter is not None and federated:
        raise typer.BadParameter("pass --adapter or --federated, not both")
    from collegium.tasks.xray import models, texts
    from collegium.tasks.xray.pictures import read_image

    if wrong := texts.fault_for_models(question):
        raise typer.BadParameter(f"the question has {wrong}", param_hint="QUESTION")
    read_image(image)  # an unreadable image fails here, before the model is loaded
    with host.working("loading the model"):
        if federated:
            loaded, vector = host.federated()
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
    return Shown(
        document,
        (
            f"{answer.text}  (probability of this answer {answer.confidence:.1%})",
            "A research model, not a medical device.",
        ),
    )


def look(
    host: Host,
    image: Annotated[Path, typer.Argument(help="A radiograph, as a picture or DICOM file.")],
    out: Annotated[
        Path | None, typer.Option(help="Write what the model sees as a PNG.", show_default=False)
    ] = None,
) -> Shown:
    """Show how an image is read: upright, white as white, in the window of its file."""
    from PIL import Image

    from collegium.tasks.xray.pictures import examine

    pixels, facts = examine(image)
    document = {"image": str(image), **facts, "seen": list(pixels.shape[::-1])}
    if out is not None:
        with host.writing(out) as file:
            Image.fromarray(pixels).save(file, format="PNG")
        document["out"] = str(out)
    return Shown(document)


def _step(line: str) -> int:
    match = _STEP.match(line)
    return int(match[1]) if match else 0


COMMANDS = (
    ModelCommand(pretrain, "collegium model pretrain --out base --steps 2600"),
    ModelCommand(
        ask,
        'collegium model ask chest.png "What is the diagnosis?" --adapter adapter',
        reads_run=True,
    ),
    ModelCommand(look, "collegium model look chest.png --out seen.png"),
)
