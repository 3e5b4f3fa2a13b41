"""Typed client of a federation's contracts: Federation, Vault, Disputes and the token.

One object reads; :meth:`Federation.using` returns one that also sends, from an account. Every
sending method waits until its transaction is mined and returns the receipt with decoded events and
gas. It raises what :meth:`.sender.Sender.send` raises, mainly
:class:`~collegium.errors.TransactionReverted`, which names the contract's custom error.
"""

from collections.abc import Iterable, Sequence
from copy import copy
from typing import Any, Self

from eth_account.signers.local import LocalAccount

from collegium.chain import history
from collegium.chain.bindings import Contract, deploy
from collegium.chain.contracts import Contracts
from collegium.chain.nonces import pending_count
from collegium.chain.parts import PARTS, plan
from collegium.chain.receipts import Receipt
from collegium.chain.sender import Sender
from collegium.chain.shipped import artifact
from collegium.errors import ContractMisplaced, MissingKeys
from collegium.protocol import ledger
from collegium.protocol.merge_proof import MergeProof
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
    """Create a federation: first its parts, bound to its future address, then the contract.

    If this stops half-way, call it again. The parts of the first attempt are bound to an address
    without a federation and contain no tokens.

    Args:
        sender: pays for it, and sends for the returned client.
        terms: cannot be changed later.
        card: SHA-256 of the canonical task card, 32 bytes.
        genesis: state root that the first round starts from, 32 bytes.
        token: ERC-20 of rewards and stakes.
        admin: the sponsor; has all roles until it grants them to others.

    Returns:
        A client that sends from ``sender``, and the receipt of the federation's own creation.

    Raises:
        ContractMisplaced: the sender sent another transaction in between.
    """
    nonce = pending_count(sender.chain, sender.address)
    planned = plan(sender.address, nonce, terms.to_struct(card, genesis), token, admin)
    for part, name in PARTS.items():
        made, _ = deploy(sender, artifact(name), *planned.arguments(part))
        _expect_at(name, planned.parts[part], made.address)
    made, receipt = deploy(sender, artifact("Federation"), *planned.own_arguments())
    _expect_at("Federation", planned.federation, made.address)
    federation = Federation(sender.chain, made.address, first_block=receipt.block)
    return federation._sending(sender), Receipt(receipt.json, federation.known)


def _expect_at(name: str, planned: str, found: str) -> None:
    if found != planned:
        raise ContractMisplaced(
            expected=f"the new {name} at {planned}, which follows from the sender's nonce",
            found=f"{found}: the account sent another transaction in between",
            action="Create the federation again; send nothing else from this account meanwhile.",
        )


class Federation(Contracts):
    """A federation on a chain, to read (see :class:`.contracts.Contracts`) and to act in."""

    _sender: Sender | None = None

    def using(self, account: LocalAccount, **options: Any) -> Self:
        """The same federation, sending from ``account``; options as of :class:`.Sender`."""
        return self._sending(Sender(self.chain, account, **options))

    @property
    def sender(self) -> Sender:
        """The sender of transactions.

        Raises:
            MissingKeys: this client only reads.
        """
        if self._sender is None:
            raise MissingKeys(
                expected="an account to send from",
                found="a connection that only reads",
                action="Pass the keys to use.",
            )
        return self._sender

    def _sending(self, sender: Sender) -> Self:
        other = copy(self)
        other._sender = sender.knowing(self.known)
        return other

    # -- council and sponsor --------------------------------------------------------------------

    def admit(self, account: str, allowed: bool = True) -> Receipt:
        """Allow an account to register, or withdraw the permission (council)."""
        return self._send("admit", account, allowed)

    def set_allow_list(self, root: bytes) -> Receipt:
        """Set the Merkle root of the accounts that may register, 32 bytes (council)."""
        return self._send("setAllowList", root)

    def revoke(self, node_id: int) -> Receipt:
        """Make a node leave, and withdraw the admission of its account (council)."""
        return self._send("revoke", node_id)

    def grant(self, role: str, account: str) -> Receipt:
        """Give ``COUNCIL``, ``COORDINATOR`` or ``PAUSER`` to an account."""
        return self._send("grantRole", self.federation.call(role), account)

    def begin_admin_transfer(self, account: str) -> Receipt:
        """Offer the administration to an account, which has to accept it."""
        return self._send("beginDefaultAdminTransfer", account)

    def accept_admin_transfer(self) -> Receipt:
        """Take over the administration that was offered to the sender."""
        return self._send("acceptDefaultAdminTransfer")

    def pause(self) -> Receipt:
        """Let no new round open until :meth:`unpause` (pauser)."""
        return self._send("pause")

    def unpause(self) -> Receipt:
        """End a pause (pauser)."""
        return self._send("unpause")

    def mint(self, account: str, amount: int) -> Receipt:
        """Create demonstration tokens (the owner of a DemoToken only)."""
        return self.token.transact(self.sender, "mint", account, amount)

    def deposit(self, amount: int) -> Receipt:
        """Add free escrow; approves the vault first where needed."""
        self.approve(amount)
        return self.vault.transact(self.sender, "deposit", amount)

    def withdraw(self, amount: int) -> Receipt:
        """Pay free escrow back to the sponsor, in token units (sponsor)."""
        return self.vault.transact(self.sender, "withdraw", amount)

    def recycle(self) -> Receipt:
        """Move forfeited stakes into the free escrow; anyone may call this."""
        return self.vault.transact(self.sender, "recycle")

    def approve(self, amount: int) -> Receipt | None:
        """Let the vault take ``amount``; nothing is sent if the allowance is large enough."""
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

        An account whose node has left comes back with the same id and pays what its stake lacks.

        Args:
            signer: address of the hot key; one that the federation has never seen.
            encryption_key: X25519 public key, 32 bytes.
            transport_key: digest of the transport key, 32 bytes.
            proof: path in the allow list; empty if the council admitted the account.
        """
        self.approve(self.terms()["stake"])
        return self._send("register", signer, encryption_key, transport_key, list(proof))

    def rotate(self, signer: str, encryption_key: bytes, transport_key: bytes) -> Receipt:
        """New keys for the sending account's node, from the next round on."""
        return self._send("rotate", signer, encryption_key, transport_key)

    def exit(self) -> Receipt:
        """Make the sending account's node leave after the current round."""
        return self._send("exit")

    def withdraw_stake(self, node_id: int) -> Receipt:
        """Pay back the stake of a node that has left, after unbonding; anyone may send it."""
        return self.vault.transact(self.sender, "withdrawStake", node_id)

    def collect(self, reporter: str) -> Receipt:
        """Pay an account its rewards for offences that it proved; anyone may send it."""
        return self.vault.transact(self.sender, "collect", reporter)

    def claim(self, node_id: int, totals: Sequence[int] | None = None) -> Receipt:
        """Pay a node what it has earned; anyone may send it.

        Args:
            node_id: the node.
            totals: the newest ledger; read from the events if not given.
        """
        known = history.totals(self.events("RoundSettled")) if totals is None else list(totals)
        if node_id > len(known):  # not in the ledger yet: at most a bonus, which needs no proof
            return self.vault.transact(self.sender, "claim", node_id, 0, [])
        proof = ledger.proof(known, node_id)
        return self.vault.transact(self.sender, "claim", node_id, known[node_id - 1], proof)

    # -- rounds ---------------------------------------------------------------------------------

    def open_round(self, base: bytes | None = None) -> Receipt:
        """Open a round on ``base``, or on the last final state."""
        return self._send("openRound", self.state_root() if base is None else base)

    def commit_update(self, round_id: int, digest: bytes) -> Receipt:
        """Commit to an update by its digest, 32 bytes (the node's signer)."""
        return self._send("commitUpdate", round_id, digest)

    def commit_updates(self, round_id: int, items: Iterable[bytes]) -> Receipt:
        """Relay signed commitments (``protocol.packed.pack_commitment``)."""
        return self._send("commitUpdates", round_id, b"".join(items))

    def advance(self, round_id: int) -> Receipt:
        """Take the next step, if it can be done now; anyone may send it."""
        return self._send("advance", round_id)

    def commit_verdict(self, round_id: int, slot: int, seal: bytes) -> Receipt:
        """Commit a sealed verdict (32 bytes) for a committee slot."""
        return self._send("commitVerdict", round_id, slot, seal)

    def reveal_verdict(self, round_id: int, slot: int, scores: bytes, salt: bytes) -> Receipt:
        """Reveal the packed scores and the salt of a sealed verdict."""
        return self._send("revealVerdict", round_id, slot, scores, salt)

    def settle(
        self,
        round_id: int,
        updates: Sequence[Committed] | None = None,
        scores: Sequence[bytes] | None = None,
        totals: Sequence[int] | None = None,
    ) -> Receipt:
        """Settle a round; anyone may send it. Arguments that are None are read from the events."""
        if updates is None or scores is None or totals is None:
            events = self.events()
            updates = history.updates(events, round_id) if updates is None else updates
            if scores is None:
                scores = history.scores(events, round_id, len(self.committee()))
            totals = history.totals(events) if totals is None else totals
        return self._send("settle", round_id, pack_updates(updates), list(scores), list(totals))

    def propose_merge(self, round_id: int, root: bytes) -> Receipt:
        """Propose the state root after the merge, 32 bytes."""
        return self._send("proposeMerge", round_id, root)

    def attest_merge(self, round_id: int, items: Iterable[bytes]) -> Receipt:
        """Send signed attestations (``protocol.packed.pack_attestation``)."""
        return self._send("attestMerge", round_id, b"".join(items))

    # -- disputes -------------------------------------------------------------------------------

    def dispute_merge(self, proof: MergeProof) -> Receipt:
        """Prove one wrong block of the proposal; anyone may send it, for a reward."""
        return self.disputes.transact(self.sender, "disputeMerge", proof.to_call())

    def prove_equivocation(
        self,
        round_id: int,
        base: bytes,
        account: str,
        digests: Sequence[bytes],
        signatures: Sequence[bytes],
    ) -> Receipt:
        """Prove that one signer signed two updates for one round.

        Args:
            base: state root of the round, 32 bytes.
            account: owner of the node.
            digests: the two update digests, 32 bytes each.
            signatures: over them, compact (64 bytes each).
        """
        # The contract takes a compact signature as two words, r and vs (EIP-2098).
        words = [part for signed in signatures for part in (signed[:32], signed[32:])]
        return self.disputes.transact(
            self.sender, "proveEquivocation", round_id, base, account, list(digests), words
        )

    def _send(self, function: str, *args: Any) -> Receipt:
        return self.federation.transact(self.sender, function, *args)
