"""A federation's contracts as anyone can read them: Federation, Vault, Disputes and the token."""

from functools import cached_property
from typing import Any

from collegium.chain import history
from collegium.chain.bindings import Contract
from collegium.chain.connection import Chain
from collegium.chain.eventlog import EventLog
from collegium.chain.reader import Reader
from collegium.chain.receipts import AbiBook, Event
from collegium.chain.shipped import artifact
from collegium.chain.views import Escrow, Node, Round
from collegium.protocol.terms import BPS


class Contracts:
    """The contracts of a federation on a chain, to read.

    Args:
        chain: the chain they are on.
        address: the Federation contract's, which names the others.
        first_block: block from which on its events are read.

    Attributes:
        federation, vault, disputes, settler, steps, token: the contracts.
        known: their ABIs, for decoding events and errors of all of them.

    Raises:
        WrongChain: there is no such contract on this chain.
    """

    def __init__(self, chain: Chain, address: str, *, first_block: int = 0) -> None:
        self.chain, self.first_block = chain, first_block
        self.known = AbiBook()
        self.federation = Contract(chain, address, artifact("Federation").abi, self.known)
        self.vault = self._named("Vault", self.federation.call("vault"))
        self.disputes = self._named("Disputes", self.federation.call("disputes"))
        self.settler = self._named("Settler", self.federation.call("settler"))
        self.steps = self._named("Steps", self.federation.call("steps"))
        self.token = self._named("DemoToken", self.vault.call("token"))
        watched = [self.federation.address, self.vault.address]
        self._log = EventLog(Reader(chain, self.known), watched, first_block)

    def _named(self, name: str, address: str) -> Contract:
        return Contract(self.chain, address, artifact(name).abi, self.known)

    @property
    def address(self) -> str:
        """Address of the Federation contract, EIP-55."""
        return self.federation.address

    def round(self, block: str | int | None = None) -> Round:
        """The newest round; by default as it is now."""
        tag = self.chain.present() if block is None else block
        return Round.from_contract(self.federation.call("round", block=tag))

    def terms(self) -> dict[str, Any]:
        """The contract's Terms by Solidity name, with ``card`` and ``genesis``."""
        return dict(self._terms)

    @cached_property
    def _terms(self) -> dict[str, Any]:
        terms: dict[str, Any] = self.federation.call("terms")  # never changes
        return terms

    @property
    def bond(self) -> int:
        """Token units of stake that a proposer needs: the penalty for a disproved merge."""
        return int(self._terms["stake"] * self._terms["mergePenalty"] // BPS)

    def state_root(self) -> bytes:
        """Root of the last final state, 32 bytes."""
        return bytes(self.federation.call("stateRoot"))

    def node(self, node_id: int) -> Node:
        """A node by id.

        Raises:
            TransactionReverted: UnknownNode, if there is none.
        """
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
        block = self.chain.head  # one block for all, or a payment in between breaks the sums

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
            owed=ask("owedTotal"),
            forfeited=ask("forfeited"),
            ledger_root=ask("ledgerRoot"),
        )

    def balance(self, account: str) -> int:
        """Token units in a wallet."""
        return int(self.token.call("balanceOf", account))

    def stake(self, node_id: int) -> int:
        """Token units that the vault holds as a node's stake."""
        return int(self.vault.call("stakeOf", node_id))

    def owed(self, reporter: str) -> int:
        """Token units that an account can collect for offences that it proved."""
        return int(self.vault.call("owed", reporter))

    def due(self, node_id: int) -> int:
        """Token units that a node has earned and not claimed."""
        totals = history.totals(self.events("RoundSettled"))
        # The ledger of the newest settlement ends with the newest node of that time.
        total = totals[node_id - 1] if node_id <= len(totals) else 0
        bonus, claimed = self.vault.call("bonus", node_id), self.vault.call("claimed", node_id)
        return int(total + bonus - claimed)

    def events(self, *names: str, first: int = 0, last: int | None = None) -> list[Event]:
        """Events of federation and vault in chain order, since the federation was created.

        Args:
            names: only these; all if none is given.
            first, last: first and last block, both included; ``None`` is the newest.
        """
        return [
            event
            for event in self._log.events()
            if (not names or event.name in names)
            and first <= event.block
            and (last is None or event.block <= last)
        ]
