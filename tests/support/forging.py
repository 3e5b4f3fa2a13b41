"""Rewrites evidence so that all digests and hashes match again, to test the auditor."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import rlp
from eth_abi import encode
from eth_bloom import BloomFilter
from eth_utils import keccak
from trie import HexaryTrie

from collegium import evidence
from collegium.audit.index import BLOCKS, INDEX
from collegium.audit.report import AuditResult
from collegium.chain import headers, transactions
from collegium.chain.receipts import AbiBook
from collegium.chain.shipped import artifact
from collegium.errors import Unverifiable
from collegium.protocol.canonical import canonical_json


class Forger:
    """A copy of a bundle, changed by a forger who knows the format but has no keys.

    Attributes:
        entries: block and receipts of every line of the chain file.
        index: ``bundle.json`` as an object.
    """

    def __init__(self, bundle: Path, folder: Path) -> None:
        self.folder = Path(shutil.copytree(bundle, folder))
        lines = (self.folder / BLOCKS).read_bytes().splitlines()
        self.entries: list[dict[str, Any]] = [json.loads(line) for line in lines]
        self.index: dict[str, Any] = json.loads((self.folder / INDEX).read_bytes())
        names = {"federation": "Federation", "vault": "Vault", "disputes": "Disputes"}
        names["token"] = "DemoToken"
        self.book = AbiBook({self.index[at]: artifact(name).abi for at, name in names.items()})

    # -- finding things --------------------------------------------------------------------------

    def transactions(self) -> Iterator[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]:
        """Every transaction with its entry and its receipt."""
        for entry in self.entries:
            for tx, receipt in zip(entry["block"]["transactions"], entry["receipts"], strict=True):
                yield entry, tx, receipt

    def call(self, name: str, nth: int = 0) -> tuple[dict[str, Any], dict[str, Any], int]:
        """Entry, transaction and position of the n-th accepted call of this name."""
        found = []
        for entry, tx, receipt in self.transactions():
            abi = self.book.abi(tx["to"] or "")
            call = abi and abi.decode_call(bytes.fromhex(tx["input"][2:]))
            if call and call.name == name and receipt["status"] == "0x1":
                found.append((entry, tx, entry["block"]["transactions"].index(tx)))
        return found[nth]

    def log(self, name: str, nth: int = 0) -> dict[str, Any]:
        """The n-th event of this name."""
        return self.logs(name)[nth]

    def logs(self, name: str) -> list[dict[str, Any]]:
        """All events of this name."""
        logs = (log for _, _, receipt in self.transactions() for log in receipt["logs"])
        return [log for log in logs if (e := self.book.decode_log(log)) and e.name == name]

    # -- changing things -------------------------------------------------------------------------

    def edit_event(self, name: str, nth: int = 0, **changes: Any) -> None:
        """Change fields of an event, but no indexed ones."""
        log = self.log(name, nth)
        abi, event = self.book.abi(log["address"]), self.book.decode_log(log)
        entry = next(e for e in abi.entries if e.get("name") == name and e["type"] == "event")
        fields = [field for field in entry["inputs"] if not field["indexed"]]
        assert set(changes) <= {field["name"] for field in fields}
        values = {**event.args, **changes}
        kinds = [field["type"] for field in fields]
        log["data"] = "0x" + encode(kinds, [values[field["name"]] for field in fields]).hex()

    def blob(self, digest: str, data: bytes) -> str:
        """Replace a blob and all references to it."""
        made = hashlib.sha256(data).hexdigest()
        (self.folder / "blobs" / digest).unlink()
        (self.folder / "blobs" / made).write_bytes(data)
        self.index = json.loads(json.dumps(self.index).replace(digest, made))
        return made

    # -- making it consistent again --------------------------------------------------------------

    def rebuild(self) -> None:
        """Recompute every index, bloom, root and hash of the chain, as a lying server would."""
        parent, height = None, int(self.entries[0]["block"]["number"], 16)
        for position, entry in enumerate(self.entries):
            block = entry["block"]
            block["number"] = hex(height + position)
            if parent is not None:
                block["parentHash"] = parent
            _renumber(block, entry["receipts"])
            txs, receipts = block["transactions"], entry["receipts"]
            block["transactionsRoot"] = _root([_raw(tx) for tx in txs])
            block["receiptsRoot"] = _root([headers.receipt_bytes(r) for r in receipts])
            parent = block["hash"] = "0x" + keccak(headers.header_rlp(block)).hex()
            logs = [log for receipt in receipts for log in receipt["logs"]]
            for item in (*txs, *receipts, *logs):
                item["blockHash"] = parent
        head = self.entries[-1]["block"]
        self.index |= {"head_number": int(head["number"], 16), "head_hash": head["hash"][2:]}

    def seal(self) -> Path:
        """Write all files, and the matching size and SHA-256 of each."""
        lines = [json.dumps(entry, separators=(",", ":")).encode() for entry in self.entries]
        (self.folder / BLOCKS).write_bytes(b"\n".join(lines) + b"\n")
        files = []
        for path in sorted(p for p in self.folder.rglob("*") if p.is_file() and p.name != INDEX):
            data, name = path.read_bytes(), path.relative_to(self.folder).as_posix()
            digest = hashlib.sha256(data).hexdigest()
            files.append({"path": name, "sha256": digest, "size": len(data)})
        self.index["files"] = sorted(files, key=lambda file: file["path"])
        (self.folder / INDEX).write_bytes(canonical_json(self.index))
        return self.folder


def rebuilt(forger: Forger) -> AuditResult:
    """The result of the audit after all hashes were made to match."""
    forger.rebuild()
    return evidence.audit(forger.seal())


def found(result: AuditResult, code: str, record: str) -> bool:
    """Whether the audit has a finding of this check about such a record."""
    return any(f.code == code and record in f.record for f in result.findings)


def _renumber(block: dict[str, Any], receipts: list[dict[str, Any]]) -> None:
    gas, index = 0, 0
    block_bloom = BloomFilter()
    for position, (tx, receipt) in enumerate(zip(block["transactions"], receipts, strict=True)):
        gas += int(receipt["gasUsed"], 16)
        bloom = BloomFilter()
        for log in receipt["logs"]:
            bloom.extend(bytes.fromhex(part[2:]) for part in (log["address"], *log["topics"]))
            log["logIndex"] = hex(index)
            index += 1
        block_bloom |= bloom
        receipt["logsBloom"] = "0x" + int(bloom).to_bytes(256, "big").hex()
        receipt["cumulativeGasUsed"] = hex(gas)
        tx["hash"] = "0x" + keccak(_raw(tx)).hex()
        for item in (tx, receipt, *receipt["logs"]):
            item["blockNumber"] = block["number"]
            item["transactionIndex"] = hex(position)
        for item in (receipt, *receipt["logs"]):
            item["transactionHash"] = tx["hash"]
    block["logsBloom"] = "0x" + int(block_bloom).to_bytes(256, "big").hex()
    block["gasUsed"] = hex(gas)


def _raw(tx: dict[str, Any]) -> bytes:
    try:
        return transactions.raw_transaction(tx)
    except Unverifiable:  # a type that cannot be encoded here: any bytes will do
        return json.dumps(tx, sort_keys=True).encode()


def _root(items: list[bytes]) -> str:
    trie = HexaryTrie({})
    for position, item in enumerate(items):
        trie[rlp.encode(position)] = item
    return "0x" + trie.root_hash.hex()
