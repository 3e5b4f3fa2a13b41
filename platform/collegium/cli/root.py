"""The group of all nouns. The file of a noun is imported only when the noun is used."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click
import typer
from typer.core import TyperCommand, TyperGroup

_NOUNS = {
    "demo": ("demo:demo", "Run a whole federation on one machine."),
    "chain": ("chain:app", "Start and stop a local chain."),
    "federation": ("federation:app", "Create a federation, and see its status."),
    "node": ("node:app", "Keys and registration of a hospital's node."),
    "round": ("round:app", "Open, watch and advance rounds."),
    "rewards": ("rewards:app", "Show rewards and how they were computed; claim them."),
    "model": ("model:app", "Pre-train, use and export models."),
    "evidence": ("evidence:app", "Export a bundle that anyone can audit."),
    "audit": ("audit:audit", "Independently verify a federation."),
    "explain": ("explain:explain", "Explain an error number."),
}
"""Each noun's place, as ``module:attribute`` in this package, and its line in the help.

The lines repeat the help of the nouns, because reading it there would import all of them.
"""


class LazyGroup(TyperGroup):
    """A group that lists nouns without importing them."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the noun in ``args`` and import it; same result as in click."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, load(name) if name and command else command, rest


def load(name: str) -> click.Command:
    """Import the command with this name."""
    module, attribute = _NOUNS[name][0].split(":")
    noun = getattr(import_module(f"collegium.cli.{module}"), attribute)
    command = typer.main.get_group(noun) if isinstance(noun, typer.Typer) else _single(noun)
    command.name = name
    return command


def _single(function: Any) -> click.Command:
    """The command of a noun that is one function and has no further commands."""
    from collegium.cli.command import Noun

    app = Noun(function.__name__)
    app.command(function.__name__)(function)
    return typer.main.get_command(app)


def build() -> LazyGroup:
    """The group ``collegium``, with a placeholder for each noun."""
    version = click.Option(
        ["--version"],
        is_flag=True,
        expose_value=False,
        is_eager=True,
        help="Show the version.",
        callback=_version,
    )
    return LazyGroup(
        name="collegium",
        commands={name: TyperCommand(name, help=line) for name, (_, line) in _NOUNS.items()},
        help="Verified, paid and audited federated fine-tuning of medical models.",
        epilog="Example: collegium demo",
        params=[version],
        no_args_is_help=True,
        suggest_commands=False,  # newer versions of click suggest commands themselves
    )


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; exceptions are left to the caller."""
    code = build().main(list(arguments), prog_name="collegium", standalone_mode=False)
    return code if isinstance(code, int) else 0


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from collegium import __version__

        click.echo(__version__)
        ctx.exit()
