"""Block zero of an embedded chain: its fork, its options and the prefunded accounts.

The accounts are those of the mnemonic that Hardhat, anvil and Ganache use, so the same keys work
on every local chain. They are public: never send anything of value to them.
"""

import json
import time
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from eth.chains.base import BaseChain, MiningChain
from eth.consensus import ConsensusApplier, NoProofConsensus
from eth.db.atomic import AtomicDB
from eth.vm.forks import ShanghaiVM
from eth_account import Account
from eth_account.hdaccount import key_from_seed, seed_from_mnemonic
from eth_account.signers.local import LocalAccount
from eth_utils import decode_hex

from collegium.chain.embedded.clock import KINDS, Clock, ClockKind
from collegium.chain.embedded.database import SqliteDB
from collegium.chain.local import ACCOUNTS, BALANCE, CHAIN_ID, GAS_LIMIT, MNEMONIC
from collegium.errors import ChainFile
from collegium.protocol.amounts import ETHER

BALANCE_WEI = BALANCE * ETHER
VIRTUAL_GENESIS_TIME = 1_735_689_600  # 2025-01-01 00:00 UTC, when no other time is given
OPTIONS_KEY = b"collegium:options"
CLOCK_KEY = b"collegium:clock"


@dataclass(frozen=True)
class Options:
    """What is fixed when the file is created.

    Attributes:
        chain_id: EIP-155 chain id.
        clock: see :mod:`.clock`.
        genesis_time: Unix time of block 0.
        seed: up to 32 bytes in block 0's extra data; it changes every later hash, and with the
            hashes all on-chain randomness.
    """

    chain_id: int
    clock: ClockKind
    genesis_time: int
    seed: bytes

    def to_bytes(self) -> bytes:
        """The options as JSON, as the file stores them."""
        return json.dumps(asdict(self) | {"seed": self.seed.hex()}, sort_keys=True).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Options":
        """Inverse of :meth:`to_bytes`."""
        fields: dict[str, Any] = json.loads(data)
        return cls(**(fields | {"seed": bytes.fromhex(fields["seed"])}))


@cache
def dev_accounts() -> tuple[LocalAccount, ...]:
    """The 20 prefunded accounts m/44'/60'/0'/0/0 … 19 (BIP-32, BIP-39, BIP-44)."""
    seed = seed_from_mnemonic(MNEMONIC, "")
    return tuple(
        Account.from_key(key_from_seed(seed, f"m/44'/60'/0'/0/{i}")) for i in range(ACCOUNTS)
    )


def open_chain(db: SqliteDB, **wanted: Any) -> tuple[BaseChain, Options]:
    """The chain in ``db``, created first if the file is new.

    Args:
        db: contains the chain.
        wanted: fields of :class:`Options`; ``None`` takes the value in the file, or the
            default if the file is new.

    Raises:
        ChainFile: the file contains a chain with other options, or an option is out of range.
    """
    with db.transaction():  # if several processes start, only one creates block 0
        if OPTIONS_KEY not in db:
            options = _new_options(**wanted)
            chain = _chain_class(options.chain_id).from_genesis(
                AtomicDB(db), _genesis_header(options), _genesis_state()
            )
            db[OPTIONS_KEY] = options.to_bytes()
            db[CLOCK_KEY] = json.dumps(Clock(options.clock).to_json()).encode()
            return chain, options
        options = Options.from_bytes(db[OPTIONS_KEY])
        for name, value in wanted.items():
            if value is not None and value != getattr(options, name):
                raise ChainFile(
                    expected=f"{name} = {value}",
                    found=f"a chain in {db.path} with {name} = {getattr(options, name)}",
                    action="Use another file, or leave the option out.",
                )
        return _chain_class(options.chain_id)(AtomicDB(db)), options


def _new_options(
    chain_id: int | None, clock: ClockKind | None, genesis_time: int | None, seed: bytes | None
) -> Options:
    kind = clock or "wall"
    if kind not in KINDS or len(seed or b"") > 32:
        raise ChainFile(
            expected=f"clock one of {', '.join(KINDS)} and a seed of at most 32 bytes",
            found=f"clock {kind!r}, seed of {len(seed or b'')} bytes",
            action="Correct the option.",
        )
    if genesis_time is None:
        genesis_time = int(time.time()) if kind == "wall" else VIRTUAL_GENESIS_TIME
    return Options(chain_id or CHAIN_ID, kind, genesis_time, seed or b"")


def _genesis_header(options: Options) -> dict[str, Any]:
    return {
        "difficulty": 0,
        "gas_limit": GAS_LIMIT,
        "timestamp": options.genesis_time,
        "mix_hash": bytes(32),
        "nonce": bytes(8),
        "coinbase": bytes(20),
        "extra_data": options.seed,
        "base_fee_per_gas": 10**9,  # 1 gwei, as in Hardhat and anvil
    }


def _genesis_state() -> dict[Any, Any]:
    empty = {"balance": BALANCE_WEI, "nonce": 0, "code": b"", "storage": {}}
    return {decode_hex(account.address): empty for account in dev_accounts()}


class _ConstantGasLimit(MiningChain):
    def create_header_from_parent(self, parent_header: Any, **header_params: Any) -> Any:
        # py-evm changes the limit slightly in each block, as miners once did; here it is constant.
        header_params["gas_limit"] = parent_header.gas_limit
        return super().create_header_from_parent(parent_header, **header_params)


@cache
def _chain_class(chain_id: int) -> type[MiningChain]:
    vms = ConsensusApplier(NoProofConsensus).amend_vm_configuration(((0, ShanghaiVM),))
    return type(
        "EmbeddedMiningChain",
        (_ConstantGasLimit,),
        {
            "chain_id": chain_id,
            "vm_configuration": vms,
        },
    )
