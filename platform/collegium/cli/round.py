"""``collegium round``: open, watch and advance rounds."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collegium.cli import output
from collegium.cli.command import Noun
from collegium.cli.options import RunDir, Wallet
from collegium.cli.session import Session, opened

if TYPE_CHECKING:
    from collegium.chain.receipts import Receipt
    from collegium.queries.newest import Newest

app = Noun(help="Open, watch and advance rounds.")


@app.command(name="open", example="collegium round open")
def open_(dir: RunDir = None, wallet: Wallet = None) -> None:
    """Open a round that starts from the last final state (coordinator)."""
    with opened(dir) as session:
        receipt = session.sending(wallet).open_round()
        _show(_newest(session), receipt)


@app.command(example="collegium round status --json")
def status(dir: RunDir = None) -> None:
    """Show the phase of the newest round, and what it waits for."""
    with opened(dir) as session:
        _show(_newest(session))


@app.command(example="collegium round advance")
def advance(dir: RunDir = None, wallet: Wallet = None) -> None:
    """Take the pending step: draw, settle, finalise or cancel. Anyone may."""
    with opened(dir) as session:
        federation, view = session.sending(wallet), _newest(session).view
        settle = view.phase == "Settle" and not view.cancellable
        receipt = federation.settle(view.id) if settle else federation.advance(view.id)
        _show(_newest(session), receipt)


@app.command(example="collegium round watch --interval 5")
def watch(
    interval: Annotated[
        float, typer.Option(min=0.1, max=3600, help="Seconds between two checks.")
    ] = 2.0,
    dir: RunDir = None,
) -> None:
    """Follow the newest round until it ends; stop with Ctrl-C."""
    with opened(dir) as session:
        newest, changes = _newest(session), []
        last: dict[str, Any] = {}
        while True:
            now = newest.to_json()
            if now != last:
                changes.append({"at": int(time.time()), **now})
                output.note(f"{time.strftime('%H:%M:%S')} {newest.sentence()}")
                last = now
            if not newest.view.live:
                break
            time.sleep(interval)
            newest = _newest(session)
    output.result({"changes": changes, "round": last}, output.facts(newest.facts()))


def _newest(session: Session) -> "Newest":
    from collegium.queries.newest import Newest
    from collegium.roles.view import read_round

    return Newest(read_round(session.federation))


def _show(newest: "Newest", receipt: "Receipt | None" = None) -> None:
    document = newest.to_json()
    if receipt is not None:
        document["tx"] = {
            "hash": receipt.tx,
            "gas": receipt.gas_used,
            "events": [event.name for event in receipt.events],
        }
    output.result(document, newest.sentence(), output.facts(newest.facts()))
