"""Create a federation: from a card file to contracts with escrow and a run folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from eth_account.signers.local import LocalAccount

from collegium.chain.bindings import Contract
from collegium.chain.connection import Chain
from collegium.chain.federation import Federation, deploy_federation, deploy_token
from collegium.chain.sender import Sender
from collegium.chain.shipped import artifact
from collegium.consortium.card_file import CardFile
from collegium.errors import BadCard, RunExists
from collegium.protocol import state
from collegium.protocol.amounts import DECIMALS
from collegium.protocol.card import TaskCard
from collegium.protocol.layout import Layout
from collegium.protocol.names import CARD, LAYOUT
from collegium.store import BlobStore
from collegium.store.states import put_state
from collegium.tasks.registry import task_kind
from collegium.workspace.names import RUN
from collegium.workspace.run import Run


@dataclass(frozen=True)
class Agreement:
    """What all members have: task card, layout, and the frozen part of the adapter (encoded)."""

    card: TaskCard
    layout: Layout
    frozen: bytes


def agree(file: CardFile) -> Agreement:
    """Compute the digests that a card file leaves out. Loads the base model and tries it out.

    Raises:
        DataError: the challenge set or the base model cannot be used.
    """
    kind = task_kind(file.task)
    challenge = kind.read(file.challenge)
    challenge.check()
    task = kind.load(file.recipe)
    task.try_out()
    card = TaskCard(
        name=file.name,
        task=kind.name,
        layout=task.layout.digest.hex(),
        base_model=task.layout.base_model,
        challenge=challenge.digest,
        genesis=state.root(state.zeros(task.layout)).hex(),
        metric=kind.metric.name,
        recipe=file.recipe.to_json(),
        limits=file.limits,
        scoring=file.scoring,
        terms=file.terms,
        version=file.version,
    )
    return Agreement(card, task.layout, task.frozen)


def require_free(folder: Path) -> None:
    """Raise RunExists if there is a run in ``folder``."""
    if (folder / RUN).exists():
        raise RunExists(
            expected=f"a folder without a run at {folder}",
            found=f"a {RUN}",
            action="Pass another folder with --dir.",
        )


def create_federation(
    folder: Path,
    chain: Chain,
    sponsor: LocalAccount,
    agreement: Agreement,
    *,
    deposit: int,
    token: str = "",
) -> tuple[Run, Federation]:
    """Deploy a federation, pay into its escrow, and write the run folder.

    Args:
        folder: folder of the new run.
        sponsor: pays, and has all roles until it grants them to others.
        deposit: token units; minted if the token is deployed here.
        token: ERC-20 address; empty deploys a DemoToken.

    Raises:
        RunExists: the folder already contains a run.
        BadCard: there is no token and the chain is not local, or the token does not have 18
            decimals.
        InsufficientFunds: the sponsor has too little gas money or too few tokens.
    """
    require_free(folder)
    documents = {CARD: agreement.card.encode(), LAYOUT: agreement.layout.encode()}
    _require_unused(folder, documents)
    sender = Sender(chain, sponsor)
    own = not token
    token = _deploy_token(sender) if own else _check_token(chain, token)
    card = agreement.card
    federation, receipt = deploy_federation(
        sender,
        card.terms,
        card=card.digest,
        genesis=bytes.fromhex(card.genesis),
        token=token,
        admin=sponsor.address,
    )
    if deposit:
        if own:
            federation.mint(sponsor.address, deposit)
        federation.deposit(deposit)
    run = Run(
        folder,
        str(chain.spec.within(folder)),
        federation.address,
        first_block=receipt.block,
    )
    _write(run, agreement)
    return run, federation


def _require_unused(folder: Path, documents: Mapping[str, bytes]) -> None:
    """Raise RunExists if another document has the place of one; the same one may be there."""
    for name, document in documents.items():
        path = folder / name
        if path.exists() and not (path.is_file() and path.read_bytes() == document):
            raise RunExists(
                expected=f"no {name} in {folder}, or the one of this federation",
                found=f"another {name}",
                action="Move it away, or pass another folder with --dir. Nothing was deployed.",
            )


def _write(run: Run, agreement: Agreement) -> None:
    run.folder.mkdir(parents=True, exist_ok=True)
    run.card_file.write_bytes(agreement.card.encode())
    run.layout_file.write_bytes(agreement.layout.encode())
    store = BlobStore(run.store_root)
    store.put(agreement.frozen)
    put_state(store, state.zeros(agreement.layout))
    run.save()  # last: marks the folder as complete


def _deploy_token(sender: Sender) -> str:
    if not sender.chain.is_local:
        raise BadCard(
            expected="the address of an ERC-20 token on the card",
            found=f"none, and chain {sender.chain.chain_id} is not a local one",
            action='Add token = "0x…" to the card file.',
        )
    return deploy_token(sender).address


def _check_token(chain: Chain, token: str) -> str:
    contract = Contract(chain, token, artifact("DemoToken").abi)
    if (decimals := contract.call("decimals")) != DECIMALS:
        raise BadCard(
            expected=f"a token with {DECIMALS} decimals, as amounts on a card are counted",
            found=f"{decimals} at {token}",
            action="Use another token.",
        )
    return contract.address
