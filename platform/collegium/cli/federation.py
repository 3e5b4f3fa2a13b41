"""``collegium federation``: create a federation, and see its status."""

from pathlib import Path
from typing import Annotated

import typer

from collegium.chain import engines
from collegium.chain.spec import ChainSpec, Kind
from collegium.cli import output
from collegium.cli.command import Noun
from collegium.cli.options import RunDir, Wallet, run_dir
from collegium.cli.session import account, connected, opened
from collegium.protocol.amounts import tokens

app = Noun(help="Create a federation, and see its status.")


@app.command(example="collegium federation create card.toml --dir chest-xray")
def create(
    card: Annotated[Path, typer.Argument(metavar="CARD.toml", help="The task card.")],
    chain: Annotated[
        str | None,
        typer.Option(
            help="URL, path of a chain file, or engine; default: the chain that runs from the "
            "folder, else an embedded one in it.",
            show_default=False,
        ),
    ] = None,
    dir: RunDir = None,
    wallet: Wallet = None,
) -> None:
    """Compute the task card, deploy the contracts, pay into escrow, and write the run folder."""
    from collegium.consortium.card_file import CardFile
    from collegium.consortium.creation import agree, create_federation, require_free

    folder = run_dir(dir)
    require_free(folder)
    file = CardFile.read(card)
    with connected(_chain(chain, folder), folder) as connection:
        sponsor = account(connection, wallet)
        with output.working("loading the base model"):
            agreement = agree(file)
        with output.working("deploying"):
            run, federation = create_federation(
                folder,
                connection,
                sponsor,
                agreement,
                deposit=file.deposit,
                token=file.token,
            )
        document = {
            "run": str(folder),
            "federation": run.federation,
            "vault": federation.vault.address,
            "token": federation.token.address,
            "chain": run.chain,
            "chain_id": connection.chain_id,
            "sponsor": sponsor.address,
            "card": "0x" + agreement.card.digest.hex(),
            "layout": "0x" + agreement.layout.digest.hex(),
            "genesis": "0x" + agreement.card.genesis,
            "deposited": tokens(file.deposit),
        }
    output.result(document, output.facts(document))


@app.command(example="collegium federation status")
def status(dir: RunDir = None) -> None:
    """Show terms, members, money and the newest round."""
    from collegium.queries.status import read_status

    with opened(dir) as session:
        now = read_status(session.federation, session.run.chain)
    document = now.to_json()
    facts = {name: value for name, value in document.items() if name not in ("round", "money")}
    facts["round"] = f"{now.round}, {now.phase}"
    money = now.money.to_json().items()
    output.result(document, output.facts(facts), output.table(["money", "tokens>"], money))


@app.command(example="collegium federation recycle")
def recycle(dir: RunDir = None, wallet: Wallet = None) -> None:
    """Move forfeited stakes into the escrow, where they pay for rounds. Anyone may."""
    with opened(dir) as session:
        receipt = session.sending(wallet).recycle()
        moved = tokens(receipt.event("Recycled")["amount"])
    output.result({"recycled": moved, "tx": receipt.tx}, f"{moved} tokens are free escrow now")


def _chain(given: str | None, folder: Path) -> ChainSpec:
    """The chain to create a federation on, in a form that is valid in any working directory."""
    if given is None:
        running = engines.status(folder)
        given = "embedded" if running is None else running.engine
    spec = ChainSpec.parse(given)
    if spec.kind is not Kind.ENGINE:
        return spec.resolve(Path())
    spec = spec.resolve(folder)
    if spec.path is not None:
        from collegium.chain.embedded.chain import EmbeddedChain

        folder.mkdir(parents=True, exist_ok=True)
        EmbeddedChain(spec.path).close()  # only this command creates a chain by opening its file
    return spec
