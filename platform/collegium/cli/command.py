"""Options of all commands: ``--json``, ``--debug``, and ``--help`` with an example."""

from collections.abc import Callable
from typing import Any

import click
import typer
from typer.core import TyperCommand, TyperOption

from collegium.cli import output


class Command(TyperCommand):
    """A command with the common options added, unless it declares its own."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        declared = {name for parameter in self.params for name in parameter.opts}
        self.params += [option for option in _common() if not declared & set(option.opts)]


class Noun(typer.Typer):
    """The commands of one noun, such as ``collegium node``."""

    def __init__(self, help: str) -> None:
        super().__init__(help=help, no_args_is_help=True, add_completion=False)

    def command(  # type: ignore[override]
        self, name: str | None = None, *, example: str | None = None, **settings: Any
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Add a command.

        Args:
            example: a command line that works; shown at the end of the help.
        """
        if example is not None:
            settings["epilog"] = f"Example: {example}"
        return super().command(name, cls=Command, **settings)


def _common() -> list[click.Option]:
    return [
        TyperOption(
            param_decls=["--json"],
            is_flag=True,
            expose_value=False,
            callback=_turn_on_json,
            help="Print one JSON document.",
        ),
        TyperOption(
            param_decls=["--debug"],
            is_flag=True,
            expose_value=False,  # read by ``failure.guarded``, also if parsing fails
            help="Show the traceback of a fault.",
        ),
    ]


def _turn_on_json(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        output.use_json(True)
