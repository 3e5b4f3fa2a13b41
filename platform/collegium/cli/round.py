"""``collegium round``: open, look at, advance and watch rounds."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collegium.cli import output
from collegium.cli.command import Noun
from collegium.cli.options import RunDir, Wallet
from collegium.cli.session import opened

if TYPE_CHECKING:
    from collegium.chain.receipts import Receipt
    from collegium.roles.view import RoundView

app = Noun(help="Open, watch and advance rounds.")


@app.command(name="open", example="collegium round open")
def open_(dir: RunDir = None, wallet: Wallet = None) -> None:
    """Open a round on the last final state (coordinator)."""
    with opened(dir) as session:
        receipt = session.sending(wallet).open_round()
        _show(_view(session), receipt)


@app.command(example="collegium round status --json")
def status(dir: RunDir = None) -> None:
    """Say where the newest round stands, and what it waits for."""
    with opened(dir) as session:
        _show(_view(session))


@app.command(example="collegium round advance")
def advance(dir: RunDir = None, wallet: Wallet = None) -> None:
    """Take the step that is due: draw, settle, finalise or cancel. Anybody may."""
    with opened(dir) as session:
        federation, view = session.sending(wallet), _view(session)
        settle = view.phase == "Settle" and not view.cancellable
        receipt = federation.settle(view.id) if settle else federation.advance(view.id)
        _show(_view(session), receipt)


@app.command(example="collegium round watch --interval 5")
def watch(
    interval: Annotated[
        float, typer.Option(min=0.1, max=3600, help="Seconds between two looks.")
    ] = 2.0,
    dir: RunDir = None,
) -> None:
    """Follow the newest round until it is over; Ctrl-C ends it."""
    with opened(dir) as session:
        view, changes = _view(session), []
        last: dict[str, Any] = {}
        while True:
            now = _document(view)
            if now != last:
                changes.append({"at": int(time.time()), **now})
                output.note(f"{time.strftime('%H:%M:%S')} {_sentence(view)}")
                last = now
            if not view.live:
                break
            time.sleep(interval)
            view = _view(session)
    output.result({"changes": changes, "round": last}, output.facts(_shown(view)))


def _view(session: Any) -> "RoundView":
    from collegium.roles.view import read_round

    return read_round(session.federation)


def _show(view: "RoundView", receipt: "Receipt | None" = None) -> None:
    document = _document(view)
    if receipt is not None:
        document["tx"] = {
            "hash": receipt.tx,
            "gas": receipt.gas_used,
            "events": [event.name for event in receipt.events],
        }
    output.result(document, _sentence(view), output.facts(_shown(view)))


def _document(view: "RoundView") -> dict[str, Any]:
    return {
        "round": view.id,
        "phase": view.phase,
        "live": view.live,
        "cancellable": view.cancellable,
        "deadline": view.deadline or None,
        "base": "0x" + view.base.hex(),
        "members": list(view.members),
        "updates": [{"node": u.node, "digest": "0x" + u.digest.hex()} for u in view.updates],
        "committee": list(view.committee),
        "aggregator": view.aggregator or None,
        "sealed": sorted(view.sealed),
        "revealed": sorted(view.revealed),
        "attested": sorted(view.attested),
        "barred": sorted(view.barred),
        "proposer": view.proposer or None,
        "proposal": "0x" + view.proposal.hex() if any(view.proposal) else None,
    }


def _sentence(view: "RoundView") -> str:
    """Where the round stands, in words."""
    members = len(view.committee)
    waits = {
        "Idle": "no round was opened yet",
        "Commit": f"{len(view.updates)} of {len(view.members)} updates are committed",
        "Draw": "the draw of the committee is due (collegium round advance)",
        "Score": f"{len(view.sealed)} of {members} votes are sealed",
        "Reveal": f"{len(view.revealed)} of {len(view.sealed)} votes are revealed",
        "Settle": "settlement is due (collegium round advance)",
        "Merge": _proposers(view),
        "Proposed": f"{len(view.attested)} of {members} attest the merge that node "
        f"{view.proposer} proposed",
        "Final": "over: the merge is final",
        "Cancelled": "over: cancelled, the reward went back",
    }
    if view.cancellable:
        return f"round {view.id}, {view.phase}: too little came in; cancelling is due"
    return f"round {view.id}, {view.phase}: {waits[view.phase]}"


def _proposers(view: "RoundView") -> str:
    if not view.barred:
        return f"node {view.aggregator} is to propose the merge; after its deadline others may"
    others = ", ".join(map(str, view.candidates())) or "none"
    return f"a proposal was rejected; another node is to propose the merge (able: {others})"


def _shown(view: "RoundView") -> dict[str, object]:
    document = _document(view)
    document["updates"] = ", ".join(f"node {u.node}" for u in view.updates) or "none"
    if view.deadline:
        left = view.deadline - int(time.time())
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(view.deadline))
        document["deadline"] = f"{moment} ({f'in {left} s' if left > 0 else 'passed'})"
    return {name: value for name, value in document.items() if value not in (None, [], "")}
