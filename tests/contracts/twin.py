"""One federation twice: reference model and contracts get the same calls and are compared.

``Twin`` is a ``Consortium`` that also sends every call to the contracts on an embedded chain, at
the same time and with the same randomness. Both must agree on success or revert, on the error with
its arguments, on every event of all contracts in order, and on the views.
"""

import copy
import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, Self

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils import decode_hex, to_checksum_address
from tests.support.consortium import FEDERATION, GENESIS, SIGNERS, Consortium
from tests.support.crowd import NODES

from collegium.chain.abi import Abi, Call
from collegium.chain.embedded.chain import EmbeddedChain, RpcError
from collegium.chain.embedded.genesis import dev_accounts
from collegium.chain.embedded.rpc import Rpc
from collegium.chain.parts import PARTS, Plan, created_address
from collegium.chain.shipped import artifact
from collegium.protocol.model.access import COORDINATOR, COUNCIL, PAUSER
from collegium.protocol.model.federation import DISPUTES_CALLS, VAULT_CALLS
from collegium.protocol.model.machine import Context, Contract, Event, Revert
from collegium.protocol.terms import Terms

GAS = hex(5_000_000)
CARD = b"\x01" * 32
ABIS: dict[Contract, Abi] = {
    "federation": artifact("Federation").abi,
    "vault": artifact("Vault").abi,
    "disputes": artifact("Disputes").abi,
}
TOKEN_ABI = artifact("DemoToken").abi
ERRORS = ABIS["federation"] + ABIS["vault"] + ABIS["disputes"] + TOKEN_ABI


def target(name: str) -> Contract:
    """The contract that has this function."""
    return (
        "vault" if name in VAULT_CALLS else "disputes" if name in DISPUTES_CALLS else "federation"
    )


@cache
def keys() -> dict[str, LocalAccount]:
    """The accounts of everyone who acts in a ``Consortium``, by address."""
    numbers = [*SIGNERS, *(id + 10_000 for id in range(1, NODES + 3))]
    raw = [b"\xfe" * 32, b"\xfd" * 32, *(number.to_bytes(32, "big") for number in numbers)]
    accounts = [Account.from_key(key) for key in raw]
    return {account.address: account for account in accounts}


class Contracts:
    """Federation, vault, disputes and token in one chain file."""

    def __init__(self, path: Path) -> None:
        self.chain = EmbeddedChain(path, clock="virtual", genesis_time=900)
        self.rpc = Rpc(self.chain)
        self.keys = keys()
        self.at: dict[Contract, str] = {"federation": FEDERATION}

    @classmethod
    def found(cls, path: Path, terms: Terms) -> None:
        """Deploy into a new file; give each account coins, tokens and a vault allowance."""
        it = cls(path)
        first, second = dev_accounts()[:2]
        admin = next(iter(it.keys))
        token = it.create("DemoToken", second, second.address)
        nonce = 1  # the token was the first contract
        parts = {name: created_address(second.address, nonce + i) for i, name in enumerate(PARTS)}
        plan = Plan(FEDERATION, terms.to_struct(CARD, GENESIS), token, admin, parts)
        for part, name in PARTS.items():
            assert it.create(name, second, *plan.arguments(part)) == parts[part]
        assert it.create("Federation", first, *plan.own_arguments()) == FEDERATION
        it.find()
        for account in it.keys.values():
            it.mine({"from": second.address, "to": account.address, "value": hex(10**18)})
            mint = TOKEN_ABI.encode_call("mint", account.address, 10**9)
            it.mine({"from": second.address, "to": token, "data": "0x" + mint.hex()})
            it.send(account, token, TOKEN_ABI.encode_call("approve", it.at["vault"], 2**256 - 1))
        it.chain.close()

    def find(self) -> None:
        """Read the addresses of its parts from the federation."""
        self.at |= {name: self.view("federation", name) for name in ("vault", "disputes")}

    def create(self, name: str, sender: LocalAccount, *args: Any) -> str:
        made = artifact(name)
        code = made.bytecode + made.abi.encode_constructor(*args)
        receipt = self.mine({"from": sender.address, "data": "0x" + code.hex(), "gas": hex(10**7)})
        return to_checksum_address(receipt["contractAddress"])

    def mine(self, tx: dict[str, Any]) -> Any:
        return self.receipt(self.rpc.call("eth_sendTransaction", [tx]))

    def receipt(self, tx: str) -> Any:
        receipt = self.rpc.call("eth_getTransactionReceipt", [tx])
        assert receipt["status"] == "0x1", "a transaction failed that the call before it passed"
        return receipt

    def send(self, sender: LocalAccount, to: str, data: bytes) -> Any:
        nonce = int(self.rpc.call("eth_getTransactionCount", [sender.address, "latest"]), 16)
        fields = {"to": to, "data": data, "gas": int(GAS, 16), "nonce": nonce, "chainId": 31337}
        fields |= {"maxFeePerGas": 2 * 10**9, "maxPriorityFeePerGas": 10**9}
        raw = sender.sign_transaction(fields).raw_transaction
        return self.receipt(self.rpc.call("eth_sendRawTransaction", ["0x" + raw.hex()]))

    def view(self, contract: Contract, name: str, *args: Any) -> Any:
        abi = ABIS[contract]
        call = {"to": self.at[contract], "data": "0x" + abi.encode_call(name, *args).hex()}
        return abi.decode_output(name, decode_hex(self.rpc.call("eth_call", [call, "latest"])))

    def refusal(self, sender: str, contract: Contract, data: bytes) -> Call | None:
        """The error with which a call in the next block would revert; None if it would succeed."""
        call = {"from": sender, "to": self.at[contract], "data": "0x" + data.hex(), "gas": GAS}
        try:
            self.rpc.call("eth_call", [call, "pending"])
        except RpcError as refusal:
            error = ERRORS.decode_error(decode_hex(refusal.data or "0x"))
            assert error is not None, refusal.message
            return error
        return None

    def call(self, sender: str, contract: Contract, data: bytes) -> list[Event] | Call:
        """The events of a transaction in the next block, or the error that it reverts with."""
        if refusal := self.refusal(sender, contract, data):
            return refusal
        logs = self.send(self.keys[sender], self.at[contract], data)["logs"]
        return [event for log in logs if (event := self.event(log)) is not None]

    def event(self, log: dict[str, Any]) -> Event | None:
        """An event of one of the contracts; None for one of the token."""
        names = {address: name for name, address in self.at.items()}
        contract = names.get(to_checksum_address(log["address"]))
        if contract is None:
            return None
        topics = [decode_hex(topic) for topic in log["topics"]]
        found = ABIS[contract].decode_event(topics, decode_hex(log["data"]))
        assert found is not None
        return Event(contract, found.name, found.args)


def encode(name: str, args: dict[str, Any]) -> bytes:
    """Calldata of a call in the model's form."""
    abi = ABIS[target(name)]
    fields = [entry["name"] for entry in abi.functions[name]["inputs"]]
    return abi.encode_call(name, *(args["round" if f == "roundId" else f] for f in fields))


class Twin(Consortium):
    """Model and contracts in step.

    Args:
        path: chain file with deployed contracts, which the twin continues.
        terms: the terms that they were created with.
    """

    def __init__(self, path: Path, terms: Terms) -> None:
        self.path, self.compared = path, 0
        self.contracts = Contracts(path)
        self.contracts.find()
        super().__init__(terms)

    def fork(self, path: Path) -> Self:
        """A second twin that continues from this state."""
        with closing(sqlite3.connect(self.path)) as here, closing(sqlite3.connect(path)) as there:
            here.backup(there)
        other = copy.copy(self)
        vars(other).update(copy.deepcopy({"model": self.model, "states": self.states}))
        other.path, other.contracts = path, Contracts(path)
        other.contracts.at = dict(self.contracts.at)
        return other

    def call(self, sender: str, name: str, **args: Any) -> list[Event]:
        self.set_clock()
        randomness = int.from_bytes(self.contracts.chain.next_header().mix_hash, "big")
        answer = self.contracts.call(sender, target(name), encode(name, args))
        self.compared += 1
        try:
            events = self.model.call(Context(sender, self.time, randomness), name, **args)
        except Revert as refusal:
            assert isinstance(answer, Call), f"{name}: the model says {refusal}, the chain {answer}"
            assert (answer.name, answer.args) == (refusal.name, refusal.values)
            raise
        assert answer == events, name
        self.model.vault.verify_conservation()
        self.compare({event.contract for event in events})
        return events

    def set_clock(self) -> None:
        """The next block is mined at the consortium's time, which is later than the last one's."""
        self.time = max(self.time, self.contracts.chain.head.timestamp + 1)
        self.contracts.rpc.call("evm_setNextBlockTimestamp", [hex(self.time)])

    def compare(self, changed: set[Contract]) -> None:
        """Compare the views of the contracts that can have changed with the model."""
        model, vault, ask = self.model, self.model.vault, self.contracts.view
        assert ask("federation", "round") == model.round.view(model.terms, self.time)
        if "vault" in changed:
            names = ("free", "reserved", "earned", "deposited", "withdrawn", "staked", "forfeited")
            for name in names:
                assert ask("vault", name) == getattr(vault, name), name
            assert ask("vault", "claimedTotal") == vault.claimed_total
            assert ask("vault", "owedTotal") == vault.owed_total
            assert ask("vault", "ledgerRoot") == vault.ledger_root
        if self.compared % 20 == 0:  # the long lists only sometimes, to save time
            self.compare_members()

    def compare_members(self) -> None:
        """Compare state and committee, nodes with keys and money, and the holders of roles."""
        model, vault, ask = self.model, self.model.vault, self.contracts.view
        assert ask("federation", "stateRoot") == model.state_root
        assert ask("federation", "committee") == model.round.committee
        for id, payee in vault.payees.items():
            assert ask("vault", "claimed", id) == payee.claimed
            assert ask("vault", "bonus", id) == payee.bonus
            assert ask("vault", "stakeOf", id) == payee.stake
            assert ask("vault", "unbondedAt", id) == payee.until
            assert ask("federation", "needs", id) == model.needs(id)
        for node in model.nodes:
            assert ask("federation", "node", node.id) == {
                "account": node.account,
                "signer": node.signer,
                "seat": node.seat,
                "activeFrom": node.active_from,
                "activeUntil": node.active_until,
                "encryptionKey": node.encryption_key,
                "transportKey": node.transport_key,
            }
            spoken = model.signs(node.signer, self.id)
            found = ask("federation", "activeSigner", node.signer, self.id)
            assert found == (spoken.id if spoken else 0)
        for role in (COUNCIL, COORDINATOR, PAUSER):
            for account in (self.admin, self.anybody):
                held = model.has_role(role, account)
                assert ask("federation", "hasRole", role, account) == held
        assert ask("federation", "defaultAdmin") == model.admin
        assert ask("federation", "pendingDefaultAdmin")["newAdmin"] == model.successor
        for reporter, amount in vault.owed.items():
            assert ask("vault", "owed", reporter) == amount
        for id, round_id in model.disputes.proven:
            assert ask("disputes", "proven", id, round_id)
