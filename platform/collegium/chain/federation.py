"""Typed client of a federation's contracts: Federation, its Vault and the token.

One object reads; :meth:`Federation.using` gives one that also sends, from an account. Every
sending method waits until it is mined, returns the receipt with decoded events and gas, and
raises what :meth:`.sender.Sender.send` raises: above all
:class:`~collegium.errors.TransactionReverted`, which names the contract's custom error.
"""

from collections.abc import Iterable, Sequence
from copy import copy
from typing import Any, Self

from eth_account.signers.local import LocalAccount

from collegium.chain import history
from collegium.chain.bindings import Contract, artifact, deploy
from collegium.chain.connection import Chain
from collegium.chain.reader import Reader
from collegium.chain.receipts import AbiBook, Event, Receipt
from collegium.chain.sender import Sender
from collegium.chain.views import Escrow, Node, Round
from collegium.errors import MissingKeys
from collegium.protocol import ledger
from collegium.protocol.packed import Committed, pack_updates
from collegium.protocol.terms import Terms

COUNCIL, COORDINATOR, PAUSER = "COUNCIL", "COORDINATOR", "PAUSER"


def deploy_token(sender: Sender) -> Contract:
    """A DemoToken (ERC-20, 18 decimals) that ``sender`` owns and may mint; for local chains."""
    token, _ = deploy(sender, artifact("DemoToken"), sender.address)
    return token


def deploy_federation(
    sender: Sender, terms: Terms, *, card: bytes, genesis: bytes, token: str, admin: str
) -> tuple["Federation", Receipt]:
    """Create a federation and its vault.

    Args:
        sender: pays for it, and sends for the returned client.
        terms: fixed for its life.
        card: SHA-256 of the canonical task card, 32 bytes.
        genesis: state root that the first round starts from, 32 bytes.
        token: ERC-20 of rewards and stakes.
        admin: the sponsor; holds all roles until it grants them to others.
    """
    _, receipt = deploy(
        sender, artifact("Federation"), terms.to_struct(card, genesis), token, admin
    )
    address = str(receipt.contract_address)
    federation = Federation(sender.chain, address, first_block=receipt.block)
    return federation._sending(sender), Receipt(receipt.json, federation.known)


class Federation:
    """A federation on a chain.

    Args:
        chain: where it lives.
        address: of the Federation contract; vault and token are asked from it.
        first_block: where its events start.

    Attributes:
        federation, vault, token: the contracts.
        known: their ABIs, for decoding events and errors of all three.

    Raises:
        WrongChain: there is no such contract on this chain.
    """

    def __init__(self, chain: Chain, address: str, *, first_block: int = 0) -> None:
        self.chain, self.first_block = chain, first_block
        self.known = AbiBook()
        self._sender: Sender | None = None
        self.federation = Contract(chain, address, artifact("Federation").abi, self.known)
        vault = self.federation.call("vault")
        self.vault = Contract(chain, vault, artifact("Vault").abi, self.known)
        token = self.vault.call("token")
        self.token = Contract(chain, token, artifact("DemoToken").abi, self.known)

    def using(self, account: LocalAccount, **options: Any) -> Self:
        """The same federation, sending from ``account``; options as of :class:`.Sender`."""
        return self._sending(Sender(self.chain, account, **options))

    @property
    def address(self) -> str:
        return self.federation.address

    @property
    def sender(self) -> Sender:
        if self._sender is None:
            raise MissingKeys(
                expected="an account to send from",
                found="a connection that only reads",
                action="Name the keys to use.",
            )
        return self._sender

    def _sending(self, sender: Sender) -> Self:
        other = copy(self)
        other._sender = sender.knowing(self.known)
        return other

    # -- views ----------------------------------------------------------------------------------

    def round(self, block: str | int | None = None) -> Round:
        """The newest round; by default as it stands now."""
        tag = self.chain.present() if block is None else block
        return Round.from_contract(self.federation.call("round", block=tag))

    def terms(self) -> dict[str, Any]:
        """The contract's Terms by Solidity name, with ``card`` and ``genesis``."""
        terms: dict[str, Any] = self.federation.call("terms")
        return terms

    def state_root(self) -> bytes:
        """Root of the last final state, 32 bytes."""
        return bytes(self.federation.call("stateRoot"))

    def node(self, node_id: int) -> Node:
        """A node by id. Raises TransactionReverted (UnknownNode) if there is none."""
        return Node.from_contract({"id": node_id, **self.federation.call("node", node_id)})

    def nodes(self) -> list[Node]:
        """All nodes ever registered, by id."""
        return [self.node(i) for i in range(1, self.federation.call("nodeCount") + 1)]

    def node_of(self, account: str) -> int:
        """Id of the node of an account; 0 if it has none."""
        return int(self.federation.call("nodeOf", account))

    def node_of_signer(self, signer: str) -> int:
        """Id of the node of a signer; 0 if it has none."""
        return int(self.federation.call("nodeOfSigner", signer))

    def committee(self) -> list[int]:
        """Node ids by slot of the newest round; empty before its draw."""
        return list(self.federation.call("committee"))

    def active_count(self) -> int:
        """Nodes that would take part in the next round."""
        return int(self.federation.call("activeCount"))

    def escrow(self) -> Escrow:
        """The vault's books, all from one block."""
        block = self.chain.head

        def ask(name: str) -> Any:
            return self.vault.call(name, block=block)

        return Escrow(
            deposited=ask("deposited"),
            withdrawn=ask("withdrawn"),
            free=ask("free"),
            reserved=ask("reserved"),
            earned=ask("earned"),
            claimed=ask("claimedTotal"),
            staked=ask("staked"),
            ledger_root=ask("ledgerRoot"),
        )

    def balance(self, account: str) -> int:
        """Token units in a wallet."""
        return int(self.token.call("balanceOf", account))

    def due(self, node_id: int) -> int:
        """Token units that a node has earned and not claimed."""
        totals = history.totals(self.events("RoundSettled"))
        total = totals[node_id - 1] if node_id <= len(totals) else 0
        bonus, claimed = self.vault.call("bonus", node_id), self.vault.call("claimed", node_id)
        return int(total + bonus - claimed)

    def events(self, *names: str, first: int | None = None, last: int | None = None) -> list[Event]:
        """Events of federation and vault in chain order, since the federation was created."""
        start = self.first_block if first is None else first
        addresses = [self.federation.address, self.vault.address]
        reader = Reader(self.chain, self.known)
        return list(reader.events(*names, first=start, last=last, addresses=addresses))

    # -- council and sponsor --------------------------------------------------------------------

    def admit(self, account: str, allowed: bool = True) -> Receipt:
        return self._send("admit", account, allowed)

    def set_allow_list(self, root: bytes) -> Receipt:
        return self._send("setAllowList", root)

    def revoke(self, node_id: int) -> Receipt:
        return self._send("revoke", node_id)

    def grant(self, role: str, account: str) -> Receipt:
        """Give ``COUNCIL``, ``COORDINATOR`` or ``PAUSER`` to an account."""
        return self._send("grantRole", self.federation.call(role), account)

    def pause(self) -> Receipt:
        return self._send("pause")

    def unpause(self) -> Receipt:
        return self._send("unpause")

    def mint(self, account: str, amount: int) -> Receipt:
        """Make demonstration tokens (the owner of a DemoToken only)."""
        return self.token.transact(self.sender, "mint", account, amount)

    def deposit(self, amount: int) -> Receipt:
        """Add free escrow; approves the vault first where needed."""
        self.approve(amount)
        return self.vault.transact(self.sender, "deposit", amount)

    def withdraw(self, amount: int) -> Receipt:
        return self.vault.transact(self.sender, "withdraw", amount)

    def approve(self, amount: int) -> Receipt | None:
        """Let the vault take ``amount``; nothing is sent if it may already."""
        owner = self.sender.address
        if self.token.call("allowance", owner, self.vault.address) >= amount:
            return None
        return self.token.transact(self.sender, "approve", self.vault.address, amount)

    # -- nodes ----------------------------------------------------------------------------------

    def register(
        self,
        signer: str,
        encryption_key: bytes,
        transport_key: bytes,
        proof: Sequence[bytes] = (),
    ) -> Receipt:
        """Register the sending account; approves the vault for the stake first where needed.

        Args:
            signer: address of the hot key; unique for ever.
            encryption_key: X25519 public key, 32 bytes.
            transport_key: digest of the transport key, 32 bytes.
            proof: path in the allow list; empty if the council admitted the account.
        """
        self.approve(self.terms()["stake"])
        return self._send("register", signer, encryption_key, transport_key, list(proof))

    def claim(self, node_id: int, totals: Sequence[int] | None = None) -> Receipt:
        """Pay a node what it has earned; anybody may send it.

        Args:
            node_id: the node.
            totals: the newest ledger; read from the events if not given.
        """
        known = history.totals(self.events("RoundSettled")) if totals is None else list(totals)
        if node_id > len(known):  # it has a bonus at most, which needs no proof
            return self.vault.transact(self.sender, "claim", node_id, 0, [])
        proof = ledger.proof(known, node_id)
        return self.vault.transact(self.sender, "claim", node_id, known[node_id - 1], proof)

    # -- rounds ---------------------------------------------------------------------------------

    def open_round(self, base: bytes | None = None) -> Receipt:
        """Open a round on ``base``, or on the last final state."""
        return self._send("openRound", self.state_root() if base is None else base)

    def commit_update(self, round_id: int, digest: bytes) -> Receipt:
        return self._send("commitUpdate", round_id, digest)

    def commit_updates(self, round_id: int, items: Iterable[bytes]) -> Receipt:
        """Relay signed commitments (``protocol.packed.pack_commitment``)."""
        return self._send("commitUpdates", round_id, b"".join(items))

    def advance(self, round_id: int) -> Receipt:
        """Take the step that is due; anybody may."""
        return self._send("advance", round_id)

    def commit_verdict(self, round_id: int, slot: int, seal: bytes) -> Receipt:
        return self._send("commitVerdict", round_id, slot, seal)

    def reveal_verdict(self, round_id: int, slot: int, scores: bytes, salt: bytes) -> Receipt:
        return self._send("revealVerdict", round_id, slot, scores, salt)

    def settle(
        self,
        round_id: int,
        updates: Sequence[Committed] | None = None,
        scores: Sequence[bytes] | None = None,
        totals: Sequence[int] | None = None,
    ) -> Receipt:
        """Settle a round; anybody may. What is not given is read from the events."""
        if updates is None or scores is None or totals is None:
            events = self.events()
            updates = history.updates(events, round_id) if updates is None else updates
            if scores is None:
                scores = history.scores(events, round_id, len(self.committee()))
            totals = history.totals(events) if totals is None else totals
        return self._send("settle", round_id, pack_updates(updates), list(scores), list(totals))

    def propose_merge(self, round_id: int, root: bytes) -> Receipt:
        return self._send("proposeMerge", round_id, root)

    def attest_merge(self, round_id: int, items: Iterable[bytes]) -> Receipt:
        """Hand in signed attestations (``protocol.packed.pack_attestation``)."""
        return self._send("attestMerge", round_id, b"".join(items))

    def _send(self, function: str, *args: Any) -> Receipt:
        return self.federation.transact(self.sender, function, *args)
