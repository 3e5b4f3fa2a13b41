"""What a command shows when it fails, and its exit code."""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence

from collegium.cli import output
from collegium.cli.ending import Ending, ended_by_signals
from collegium.cli.surroundings import surroundings
from collegium.errors import CollegiumError

FAILED, MISUSED, FAULT, INTERRUPTED = 1, 2, 70, 130


def guarded(arguments: Sequence[str], run: Callable[[Sequence[str]], int]) -> int:
    """Run a command line and turn every exception and signal into a message and an exit code."""
    import click

    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    output.use_json("--json" in options)
    output.degrade()
    debug = "--debug" in options
    with ended_by_signals() as ending:
        try:
            code = run(arguments)
            if sys.stdout is not None:
                sys.stdout.flush()  # here, where a closed pipe is still caught; at exit it is not
            # Some versions of click return a code instead of raising Abort.
            return _interrupted(ending) if code == INTERRUPTED else code
        except CollegiumError as error:
            return _numbered(error, debug)
        except click.ClickException as error:
            return _misused(error)
        except (KeyboardInterrupt, click.Abort):
            return _interrupted(ending)
        except BrokenPipeError:
            _discard_output()
            return FAILED
        except Exception as error:
            if (known := surroundings(error)) is not None:
                return _numbered(known, debug)
            return _fault(error, debug)


def _interrupted(ending: Ending) -> int:
    how = "" if ending.signal in (None, signal.SIGINT) else f" by {ending.signal.name}"
    output.note(f"interrupted{how}. Run the same command again to go on.")
    return ending.code


def _discard_output() -> None:
    # The reader closed the pipe. Python flushes stdout at exit, which would fail again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _numbered(error: CollegiumError, debug: bool) -> int:
    if debug:
        traceback.print_exception(error)
    explain = f"collegium explain {error.code}"
    if output.wants_json():
        output.print_document({"error": {**error.to_json(), "explain": explain}})
    from rich.console import Console, Group
    from rich.markup import escape
    from rich.panel import Panel
    from rich.table import Table

    lines = Table.grid(padding=(0, 2))
    for name in ("expected", "found", "action"):
        lines.add_row(f"[dim]{name}[/]", escape(getattr(error, name)))
    title = f"[bold red]{error.code}[/] {escape(error.title)}"
    panel = Panel(Group(lines), title=title, title_align="left", subtitle=explain, style="none")
    Console(stderr=True, highlight=False).print(panel)
    return FAILED


def _misused(error: "click.ClickException") -> int:  # type: ignore[name-defined]  # noqa: F821
    error.show(sys.stderr)
    if output.wants_json():
        usage = {"code": "usage", "title": "invalid command line"}
        output.print_document({"error": usage | {"found": error.format_message()}})
    return MISUSED


def _fault(error: Exception, debug: bool) -> int:
    description = f"{type(error).__name__}: {error}"
    if debug:
        traceback.print_exception(error)
    print(f"collegium: unexpected {description}", file=sys.stderr)
    if not debug:
        print("Run it again with --debug and report what it prints.", file=sys.stderr)
    if output.wants_json():
        output.print_document(
            {"error": {"code": "fault", "title": "bug in the program", "found": description}}
        )
    return FAULT
