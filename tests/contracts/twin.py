"""One federation twice: the reference model and the contracts, called alike and compared.

``Twin`` is a ``Consortium`` whose every call also goes to the contracts on an embedded chain, at
the same time and with the same randomness. They have to agree on success or refusal, on the
error with its arguments, on every event of both contracts in order, and on what the views show.
"""

import copy
import shutil
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils import decode_hex, to_checksum_address
from tests.protocol.conftest import FEDERATION, GENESIS, Consortium

from collegium.chain.abi import Call
from collegium.chain.bindings import artifact
from collegium.chain.embedded.chain import EmbeddedChain, RpcError
from collegium.chain.embedded.genesis import dev_accounts
from collegium.chain.embedded.rpc import Rpc
from collegium.protocol import packed
from collegium.protocol.federation import VAULT_CALLS
from collegium.protocol.machine import Context, Event, Revert
from collegium.protocol.round import Round, Stage
from collegium.protocol.terms import Terms

GAS = hex(5_000_000)
IDS = range(1, 13)
CARD = b"\x01" * 32
FEDERATION_ABI, VAULT_ABI, TOKEN_ABI = (
    artifact(name).abi for name in ("Federation", "Vault", "DemoToken")
)
ERRORS = FEDERATION_ABI + VAULT_ABI + TOKEN_ABI


def keys() -> dict[str, LocalAccount]:
    """Everybody a ``Consortium`` lets act, by address."""
    numbers = [*IDS, *(id + 10_000 for id in IDS)]
    raw = [b"\xfe" * 32, b"\xfd" * 32, *(number.to_bytes(32, "big") for number in numbers)]
    accounts = [Account.from_key(key) for key in raw]
    return {account.address: account for account in accounts}


class Contracts:
    """Federation, vault and token in one chain file."""

    def __init__(self, path: Path) -> None:
        self.chain = EmbeddedChain(path, clock="virtual", genesis_time=900)
        self.rpc = Rpc(self.chain)
        self.keys = keys()
        self.vault = ""

    @classmethod
    def found(cls, path: Path, terms: Terms) -> None:
        """Deploy into a new file, and give everybody coins, tokens and a free hand."""
        it = cls(path)
        first, second = dev_accounts()[:2]
        admin = next(iter(it.keys))
        token = it.create("DemoToken", second, second.address)
        struct = terms.to_struct(CARD, GENESIS)
        assert it.create("Federation", first, struct, token, admin) == FEDERATION
        it.read_vault()
        for account in it.keys.values():
            it.mine({"from": second.address, "to": account.address, "value": hex(10**18)})
            mint = TOKEN_ABI.encode_call("mint", account.address, 10**9)
            it.mine({"from": second.address, "to": token, "data": "0x" + mint.hex()})
            it.send(account, token, TOKEN_ABI.encode_call("approve", it.vault, 2**256 - 1))
        it.chain.close()

    def read_vault(self) -> None:
        self.vault = self.view(FEDERATION, "vault")

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

    def view(self, to: str, name: str, *args: Any) -> Any:
        abi = FEDERATION_ABI if to == FEDERATION else VAULT_ABI
        call = {"to": to, "data": "0x" + abi.encode_call(name, *args).hex()}
        return abi.decode_output(name, decode_hex(self.rpc.call("eth_call", [call, "latest"])))

    def call(self, sender: str, to: str, data: bytes) -> list[Event] | Call:
        """The events of a transaction in the next block, or the error that would revert it."""
        account = self.keys[sender]
        call = {"from": sender, "to": to, "data": "0x" + data.hex(), "gas": GAS}
        try:
            self.rpc.call("eth_call", [call, "pending"])
        except RpcError as refusal:
            error = ERRORS.decode_error(decode_hex(refusal.data or "0x"))
            assert error is not None, refusal.message
            return error
        logs = self.send(account, to, data)["logs"]
        return [event for log in logs if (event := self.event(log)) is not None]

    def event(self, log: dict[str, Any]) -> Event | None:
        """An event of the federation or its vault; None for one of the token."""
        address = to_checksum_address(log["address"])
        if address not in (FEDERATION, self.vault):
            return None
        abi = FEDERATION_ABI if address == FEDERATION else VAULT_ABI
        found = abi.decode_event([decode_hex(t) for t in log["topics"]], decode_hex(log["data"]))
        assert found is not None
        return Event("federation" if address == FEDERATION else "vault", found.name, found.args)


class Twin(Consortium):
    """Model and contracts in step."""

    def __init__(self, template: Path, path: Path, terms: Terms, escrow: int = 10**8) -> None:
        shutil.copy(template, path)
        self.contracts = Contracts(path)
        self.contracts.read_vault()
        self.compared = 0
        super().__init__(terms, escrow=escrow)

    def __deepcopy__(self, memo: dict[int, Any]) -> Consortium:
        """A model alone, for looking ahead."""
        twin = Consortium.__new__(Consortium)
        kept = {k: v for k, v in vars(self).items() if k not in ("contracts", "compared")}
        vars(twin).update(copy.deepcopy(kept, memo))
        return twin

    def call(self, sender: str, name: str, **args: Any) -> list[Event]:
        chain = self.contracts.chain
        # Every transaction has a block of its own, and time does not stand still between blocks.
        self.time = max(self.time, chain.head.timestamp + 1)
        self.contracts.rpc.call("evm_setNextBlockTimestamp", [hex(self.time)])
        randomness = int.from_bytes(chain.next_header().mix_hash, "big")
        vault = name in VAULT_CALLS
        abi = VAULT_ABI if vault else FEDERATION_ABI
        inputs = [entry["name"] for entry in abi.functions[name]["inputs"]]
        values = [args["round" if field == "roundId" else field] for field in inputs]
        to = self.contracts.vault if vault else FEDERATION
        answer = self.contracts.call(sender, to, abi.encode_call(name, *values))
        self.compared += 1
        try:
            events = self.model.call(Context(sender, self.time, randomness), name, **args)
        except Revert as refusal:
            assert isinstance(answer, Call), f"{name}: the model says {refusal}, the chain {answer}"
            assert (answer.name, answer.args) == (refusal.name, refusal.values)
            raise
        assert answer == events, name
        self.model.vault.verify_conservation()
        self.compare()
        return events

    def compare(self) -> None:
        """What the views show, and what the model knows."""
        model, vault = self.model, self.model.vault
        ask = self.contracts.view
        assert ask(FEDERATION, "round") == shown(model.round, model.terms, self.time)
        assert ask(FEDERATION, "stateRoot") == model.state_root
        assert ask(FEDERATION, "committee") == model.round.committee
        names = ("free", "reserved", "earned", "deposited", "withdrawn", "staked")
        for name in names:
            assert ask(self.contracts.vault, name) == getattr(vault, name), name
        assert ask(self.contracts.vault, "claimedTotal") == vault.claimed_total
        assert ask(self.contracts.vault, "ledgerRoot") == vault.ledger_root
        if self.compared % 5:
            return  # the long lists only now and then
        for id, payee in vault.payees.items():
            assert ask(self.contracts.vault, "claimed", id) == payee.claimed
            assert ask(self.contracts.vault, "bonus", id) == payee.bonus
        for node in model.nodes:
            assert ask(FEDERATION, "node", node.id) == {
                "account": node.account,
                "signer": node.signer,
                "seat": node.seat,
                "activeFrom": node.active_from,
                "activeUntil": node.active_until,
                "encryptionKey": node.encryption_key,
                "transportKey": node.transport_key,
            }


def shown(round_: Round, terms: Terms, time: int) -> dict[str, Any]:
    """The struct that ``round()`` returns for the model's round."""
    status = round_.status(terms, time)
    committed = [seat for seat, id in round_.members.items() if round_.committed(id)]
    settled = Stage.SCORE < round_.stage < Stage.CANCELLED
    return {
        "id": round_.id,
        "phase": status.phase,
        "cancellable": status.cancellable,
        "deadline": status.deadline,
        "members": packed.bitmap(round_.members),
        "committed": packed.bitmap(committed),
        "updates": len(round_.updates),
        "accumulator": round_.accumulator if round_.id else bytes(32),
        "aggregator": round_.aggregator,
        "sealedSlots": packed.bitmap(round_.seals),
        "revealedSlots": packed.bitmap(round_.scores),
        "attestedSlots": packed.bitmap(round_.attested),
        "outcome": round_.outcome if settled else bytes(32),
        "proposer": round_.proposer,
        "proposal": round_.proposal,
    }
