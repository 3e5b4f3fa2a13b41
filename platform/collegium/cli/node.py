"""``collegium node``: keys and registration of a hospital's node."""

import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from collegium.cli import output
from collegium.cli.command import Noun
from collegium.cli.options import RunDir, Wallet, run_dir
from collegium.cli.passphrase import ask
from collegium.protocol import amounts
from collegium.protocol.amounts import ETHER, tokens
from collegium.workspace.names import ACCOUNT, KEYS, NODE

if TYPE_CHECKING:
    from collegium.chain.federation import Federation
    from collegium.chain.receipts import Receipt
    from collegium.cli.session import Session
    from collegium.queries.nodes import Member
    from collegium.workspace.home import NodeHome
    from collegium.workspace.keyring import Keyring

app = Noun(help="Keys and registration of a hospital's node.")

Home = Annotated[Path, typer.Option("--home", help="Folder of the node.")]
SignerGas = Annotated[
    str,
    typer.Option(
        help="Money for gas that the signer should have, in the chain's currency, paid by the "
        "node's account; default: 0.5 on a local chain, otherwise 0.",
        show_default=False,
    ),
]
NODE_HELP = "A node: its id, its account, or its folder."
Named = Annotated[str, typer.Argument(help=NODE_HELP)]


@app.command(example="COLLEGIUM_PASSPHRASE=… collegium node keygen --home cardiac")
def keygen(home: Home) -> None:
    """Create the four keys of a node, encrypted with COLLEGIUM_PASSPHRASE or the one you type."""
    from collegium.workspace.home import NodeHome
    from collegium.workspace.keyring import Keyring

    folder = NodeHome(home).keys
    keys = Keyring.generate()
    keys.save(folder, ask(f"the new keys at {folder}", twice=True))
    document = {
        "home": str(home),
        "account": keys.account.address,
        "signer": keys.signer.address,
        "encryption_key": "0x" + keys.encryption_public.hex(),
        "transport_key": "0x" + keys.transport_digest.hex(),
    }
    output.result(
        document,
        output.facts(document),
        "Ask the council to admit the account. Keep a copy of the folder and of the passphrase.",
    )


@app.command(example="collegium node admit 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --fund")
def admit(
    node: Annotated[str, typer.Argument(help="An account, or the folder of a node.")],
    fund: Annotated[
        bool,
        typer.Option(
            "--fund", help="On a local chain: also send it money for gas and for the stake."
        ),
    ] = False,
    dir: RunDir = None,
    wallet: Wallet = None,
) -> None:
    """Let an account register (council)."""
    from collegium.cli.session import opened
    from collegium.consortium import joining
    from collegium.protocol.addresses import checked
    from collegium.workspace.home import NodeHome

    member = checked(node, "NODE") if node.startswith("0x") else NodeHome(Path(node)).account()
    with opened(dir) as session:
        if fund and not session.chain.is_local:
            raise typer.BadParameter("only on a local chain", param_hint="--fund")
        federation = session.sending(wallet)
        federation.admit(member)
        if fund:
            joining.fund(federation, member, wei=2 * ETHER)
    output.result({"account": member, "admitted": True, "funded": fund}, f"{member} may register")


@app.command(example="collegium node register --home cardiac --data images --challenge challenge")
def register(
    home: Home,
    data: Annotated[Path, typer.Option(help="Folder with images and metadata.jsonl.")],
    challenge: Annotated[Path, typer.Option(help="Folder with the card's challenge set.")],
    name: Annotated[
        str,
        typer.Option(
            help="Name of the node on this machine; never on the chain. Default: its folder's name."
        ),
    ] = "",
    bits: Annotated[int, typer.Option(help="Code width of updates: 8, 4 or 2.")] = 8,
    commit: Annotated[
        str,
        typer.Option(
            help="relay: the coordinator posts commitments for all; self: the node posts its own."
        ),
    ] = "relay",
    signer_gas: SignerGas = "",
    dir: RunDir = None,
) -> None:
    """Register the node with its own account, pay its stake, and write its settings.

    A node that has left can return with the same command: it keeps its id, gets a new signer, and
    its stake is topped up.
    """
    from collegium.cli.session import opened
    from collegium.consortium import joining
    from collegium.workspace.home import NodeHome, NodeSettings

    _one_of("--bits", bits, (8, 4, 2))
    _one_of("--commit", commit, ("relay", "self"))
    gas = _ether(signer_gas)
    node = NodeHome(home)
    passphrase = ask(f"the keys at {node.keys}")
    with opened(dir) as session:
        settings = NodeSettings(
            name=name or home.resolve().name,
            chain=str(session.run.chain_spec),
            federation=session.run.federation,
            data=str(data.resolve()),
            challenge=str(challenge.resolve()),
            first_block=session.run.first_block,
            bits=bits,
            commit=commit,
        )
        with output.working("registering"):
            joined = joining.join(session.run, session.federation, node, passphrase, settings)
            _give_gas(session, joined.keys, gas)
    document = {
        "id": joined.id,
        "registered_now": joined.fresh,
        "account": joined.keys.account.address,
        "signer": joined.keys.signer.address,
        "home": str(home),
        "federation": settings.federation,
        "notices": list(joined.notices),
    }
    for notice in joined.notices:
        output.note(f"note: {notice}")
    shown = {name: value for name, value in document.items() if name != "notices"}
    output.result(document, output.facts(shown))


@app.command(name="list", example="collegium node list --dir chest-xray")
def list_(
    node: Annotated[
        str | None, typer.Argument(help=f"{NODE_HELP} Default: all.", show_default=False)
    ] = None,
    dir: RunDir = None,
) -> None:
    """List the registered nodes."""
    from collegium.chain.light import read_registry
    from collegium.queries.nodes import members
    from collegium.workspace.run import Run

    run = Run.load(run_dir(dir))
    registry = read_registry(run.chain_spec, run.federation)
    shown = members(registry, _names(run.node_homes))
    if node is not None:
        shown = [_pick(shown, node, run.federation)]
    document = {
        "federation": run.federation,
        "newest_round": registry.newest_round,
        "nodes": [one.to_json() for one in shown],
    }
    rows = [
        (one.node, one.account, output.short(one.signer), tokens(one.stake), one.status, one.name)
        for one in shown
    ]
    columns = ["id>", "account", "signer", "stake>", "status", "name"]
    output.result(document, output.table(columns, rows))


@app.command(example="collegium node rotate --home cardiac")
def rotate(
    home: Home,
    transport: Annotated[
        bool,
        typer.Option(
            "--transport",
            help="Also create a new transport key; register it with the SuperLink and "
            "restart the node.",
        ),
    ] = False,
    signer_gas: SignerGas = "",
    dir: RunDir = None,
) -> None:
    """Create a new signer and encryption key, and register them with the node's account.

    The old keys are used until the round is over, and stay in the folder. A running node switches
    to the new keys automatically. If this command is interrupted, run it again.
    """
    from collegium.cli.session import opened
    from collegium.consortium import membership
    from collegium.workspace.home import NodeHome

    gas, node = _ether(signer_gas), NodeHome(home)
    passphrase = ask(f"the keys at {node.keys}")
    with opened(dir) as session:
        number = _own(session.federation, node)
        with output.working("rotating"):
            done = membership.rotate(node, session.federation, passphrase, transport=transport)
            _give_gas(session, done.keys, gas)
    document = {
        "id": number,
        "signer": done.keys.signer.address,
        "encryption_key": "0x" + done.keys.encryption_public.hex(),
        "transport_key": "0x" + done.keys.transport_digest.hex(),
        "active_from": done.active_from,
        "tx": done.receipt.tx,
    }
    output.result(document, output.facts(document))


@app.command(name="exit", example="collegium node exit --home cardiac")
def exit_(home: Home, dir: RunDir = None) -> None:
    """Leave the federation after this round, with the node's account.

    The stake can be withdrawn after the unbonding time. Earnings can still be claimed.
    """
    from collegium.cli.session import opened
    from collegium.workspace.home import NodeHome
    from collegium.workspace.keyring import Keyring

    node = NodeHome(home)
    keys = Keyring.load(node.keys, ask(f"the keys at {node.keys}"))
    with opened(dir) as session:
        number = _own(session.federation, node)
        receipt = session.federation.using(keys.account).exit()
    _show_left(number, receipt)


@app.command(example="collegium node withdraw 2")
def withdraw(node: Named, dir: RunDir = None, wallet: Wallet = None) -> None:
    """Pay the stake of a node that has left, after the unbonding time. Anyone may."""
    from collegium.cli.session import opened
    from collegium.consortium import joining, membership

    with opened(dir) as session:
        number = joining.resolve(session.federation, node)
        receipt = membership.withdraw_stake(session.sending(wallet), number)
        paid = receipt.event("StakeWithdrawn")
    amount = tokens(paid["amount"])
    document = {"id": number, "account": paid["account"], "paid": amount, "tx": receipt.tx}
    output.result(document, f"paid {amount} tokens to {paid['account']}")


@app.command(example="collegium node revoke 3")
def revoke(node: Named, dir: RunDir = None, wallet: Wallet = None) -> None:
    """Exclude a node from all future rounds (council). Its earnings can still be claimed."""
    from collegium.cli.session import opened
    from collegium.consortium import joining

    with opened(dir) as session:
        number = joining.resolve(session.federation, node)
        joining.require_active(session.federation, number)
        receipt = session.sending(wallet).revoke(number)
    _show_left(number, receipt)


@app.command(
    example="collegium node start --home cardiac --superlink 10.0.0.1:9092 "
    "--root-certificates ca.crt",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def start(
    context: typer.Context,
    home: Home,
    superlink: Annotated[str, typer.Option(help="HOST:PORT of the federation's SuperLink.")],
) -> None:
    """Run the node as a Flower SuperNode; other options are passed to flower-supernode."""
    import os

    from collegium.flower.supernode import prepare

    launch = prepare(home, ask(f"the keys at {home}"), superlink, context.args)
    output.note(f"node {launch.node} starts as a SuperNode of {superlink}")
    os.execve(launch.program, launch.arguments, launch.environment)


def _own(federation: "Federation", home: "NodeHome") -> int:
    """Id of the node in a folder; raises LeftNode or UnregisteredNode unless it is a member."""
    from collegium.consortium import joining

    number = joining.resolve(federation, str(home.path))
    joining.require_active(federation, number)
    return number


def _give_gas(session: "Session", keys: "Keyring", wei: int | None) -> None:
    """Send ``wei`` for gas from the account to the signer; None: 0.5 on a local chain, else 0."""
    from collegium.consortium import joining

    wanted = (ETHER // 2 if session.chain.is_local else 0) if wei is None else wei
    joining.give_gas(session.federation, keys.account, keys.signer.address, wanted)


def _show_left(number: int, receipt: "Receipt") -> None:
    until = int(receipt.event("NodeLeft")["activeUntil"])
    unbonded = int(receipt.event("Unbonding")["until"])
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(unbonded))
    output.result(
        {"id": number, "active_until": until, "unbonded_at": unbonded, "tx": receipt.tx},
        f"node {number} left as of round {until}; its stake becomes free at {moment}",
    )


def _names(homes: Iterable[Path]) -> dict[str, str]:
    """Names of the nodes on this machine, by account in lower case."""
    names = {}
    for home in homes:
        try:
            address = json.loads((home / KEYS / ACCOUNT).read_bytes())["address"]
            names["0x" + address.lower().removeprefix("0x")] = json.loads(
                (home / NODE).read_bytes()
            )["name"]
        except FileNotFoundError:
            continue  # the node's folder was moved to another machine
    return names


def _pick(shown: "Sequence[Member]", node: str, federation: str) -> "Member":
    from collegium.errors import UnregisteredNode
    from collegium.protocol.addresses import checked

    wanted = (checked(node, "NODE") if node.startswith("0x") else node).lower()
    if Path(node).is_dir():
        wanted = next(iter(_names([Path(node)])), wanted)
    for one in shown:
        if wanted in (str(one.node), one.account.lower(), one.name.lower()):
            return one
    raise UnregisteredNode(
        expected=f"node {node} to be registered in {federation}",
        found=f"{len(shown)} other nodes",
        action="List them all: collegium node list.",
    )


def _one_of(option: str, value: object, allowed: tuple[object, ...]) -> None:
    if value not in allowed:
        expected = ", ".join(map(str, allowed))
        raise typer.BadParameter(f"{value!r} is not one of {expected}", param_hint=option)


def _ether(text: str) -> int | None:
    """An amount of the chain's currency in wei; None for an empty text."""
    if not text:
        return None
    try:
        return amounts.parse(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not an amount", param_hint="--signer-gas") from None
