"""Attacks on a federation's parts: foreign code in their place, or parts of another federation.

The constructor rejects parts with another binding (contracts/test/Parts.t.sol). Foreign code with
the right binding passes the constructor; the audit detects it.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.terms import TERMS
from tests.support.world import LAYOUT, card_of

from collegium import evidence
from collegium.audit.report import AuditResult
from collegium.chain import federation as creating
from collegium.chain.abi import Abi
from collegium.chain.bindings import Contract, deploy
from collegium.chain.connection import Chain
from collegium.chain.engines import connect
from collegium.chain.federation import Federation, deploy_federation, deploy_token
from collegium.chain.nonces import pending_count
from collegium.chain.parts import PARTS, Plan, created_address, plan
from collegium.chain.sender import Sender
from collegium.chain.shipped import Artifact, artifact
from collegium.chain.spec import ChainSpec
from collegium.errors import ContractMisplaced, TransactionReverted
from collegium.evidence.sources import Source

CARD = card_of()

# Creates a contract from the calldata.
FACTORY = Artifact(
    "Factory", Abi([]), bytes.fromhex("600e600a5f39600e5ff3" + "365f5f37365f5ff05f5260205ff3")
)


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    with connect(str(tmp_path / "chain.sqlite")) as opened:
        yield opened


@pytest.fixture
def sender(chain: Chain, tmp_path: Path) -> Sender:
    return Sender(chain, chain.dev_accounts[0], lock_directory=tmp_path)


@pytest.fixture
def stranger(chain: Chain, tmp_path: Path) -> Sender:
    return Sender(chain, chain.dev_accounts[1], lock_directory=tmp_path)


@pytest.fixture
def planned(sender: Sender, stranger: Sender) -> Plan:
    """A planned federation that is not deployed yet; the stranger has some of the tokens."""
    token = deploy_token(sender)
    token.transact(sender, "mint", stranger.address, 1000)
    struct = TERMS.to_struct(CARD.digest, bytes.fromhex(CARD.genesis))
    return plan(sender.address, 2, struct, token.address, sender.address)


def create(sender: Sender, planned: Plan, **foreign: Artifact) -> Federation:
    """Deploy as planned, with foreign code for some parts."""
    for part, name in PARTS.items():
        deploy(sender, foreign.get(part, artifact(name)), *planned.arguments(part))
    made, receipt = deploy(sender, artifact("Federation"), *planned.own_arguments())
    return Federation(sender.chain, made.address, first_block=receipt.block).using(sender.account)


def audit(chain: Chain, federation: str) -> AuditResult:
    """Export and audit what is on the chain."""
    spec = ChainSpec.parse(chain.spec)
    return evidence.audit(Source(spec, federation, None, CARD.encode(), LAYOUT.encode()))


def foreign(name: str) -> Artifact:
    """Code that behaves like a part but differs in one byte that never runs."""
    shipped = artifact(name)
    return replace(shipped, bytecode=shipped.bytecode[:-1] + bytes([shipped.bytecode[-1] ^ 1]))


def codes(result: AuditResult) -> set[str]:
    return {finding.code for finding in result.findings}


def test_an_honest_deployment_is_valid(chain: Chain, sender: Sender, planned: Plan) -> None:
    federation = create(sender, planned)
    result = audit(chain, federation.address)
    assert result.findings == () and result.by_check["code"] == 2 * (1 + len(PARTS))


@pytest.mark.parametrize("part", PARTS)
def test_foreign_code_in_place_of_a_part(
    chain: Chain, sender: Sender, planned: Plan, part: str
) -> None:
    federation = create(sender, planned, **{part: foreign(PARTS[part])})
    result = audit(chain, federation.address)
    assert codes(result) == {"code"}
    assert all(part in finding.record for finding in result.findings)


@pytest.mark.parametrize("part", PARTS)
def test_parts_of_another_federation(
    chain: Chain, sender: Sender, planned: Plan, part: str
) -> None:
    """The sponsor creates a second federation with the parts of the first."""
    first = create(sender, planned)
    struct = dict(planned.struct)
    second = plan(sender.address, 2 + len(PARTS) + 1, struct, planned.token, sender.address)
    for name in PARTS:
        deploy(sender, artifact(PARTS[name]), *second.arguments(name))
    mixed = replace(second, parts={**second.parts, part: planned.parts[part]})
    with pytest.raises(TransactionReverted, match="WrongPart"):
        deploy(sender, artifact("Federation"), *mixed.own_arguments())
    assert audit(chain, first.address).findings == ()


def test_a_part_that_another_contract_created(
    chain: Chain, sender: Sender, stranger: Sender, planned: Plan
) -> None:
    """No transaction shows such a vault's creation code, even if the code is right."""
    factory, _ = deploy(stranger, FACTORY)
    vault = created_address(factory.address, 1)
    nonce = pending_count(chain, sender.address)
    after = plan(sender.address, nonce - 1, planned.struct, planned.token, planned.admin)
    mixed = replace(after, parts={**after.parts, "vault": vault})
    stranger.send(factory.address, mixed.creation("vault"))
    for part in list(PARTS)[1:]:
        deploy(sender, artifact(PARTS[part]), *mixed.arguments(part))
    made, _ = deploy(sender, artifact("Federation"), *mixed.own_arguments())
    result = audit(chain, made.address)
    assert any(f.code == "deployment" and vault in f.expected for f in result.findings)


def test_calls_before_the_federation_exists(
    chain: Chain, sender: Sender, stranger: Sender, planned: Plan
) -> None:
    """A stranger deposits early and calls addresses without code: the audit is unaffected."""
    parts = iter(PARTS.items())
    vault, _ = deploy(sender, artifact("Vault"), *planned.arguments(next(parts)[0]))
    stranger.send(planned.federation, value=1)
    stranger.send(planned.parts["disputes"], b"\x01\x02\x03\x04")
    token = Contract(chain, planned.token, artifact("DemoToken").abi)
    token.transact(stranger, "approve", vault.address, 1000)
    vault.transact(stranger, "deposit", 700)
    with pytest.raises(TransactionReverted):
        vault.transact(stranger, "withdraw", 700, gas=200_000)
    for part, name in parts:
        deploy(sender, artifact(name), *planned.arguments(part))
    made, _ = deploy(sender, artifact("Federation"), *planned.own_arguments())
    with pytest.raises(TransactionReverted):  # the steps have no effect at their own address
        steps = Contract(chain, planned.parts["steps"], artifact("Steps").abi)
        steps.transact(stranger, "advance", 0, gas=200_000)
    result = audit(chain, made.address)
    assert result.findings == ()
    assert result.money is not None and result.money.deposited == 700


def test_a_transaction_in_between(chain: Chain, sender: Sender, monkeypatch: Any) -> None:
    """Another program sends from the sponsor's account during the deployment."""
    token = deploy_token(sender)
    agreed = {
        "card": CARD.digest,
        "genesis": bytes.fromhex(CARD.genesis),
        "token": token.address,
        "admin": sender.address,
    }

    def disturbed(sender_: Sender, contract: Artifact, *args: Any) -> Any:
        if contract.name == "Settler":
            sender.send(sender.address)
        return deploy(sender_, contract, *args)

    monkeypatch.setattr(creating, "deploy", disturbed)
    with pytest.raises(ContractMisplaced, match="CG211"):
        deploy_federation(sender, TERMS, **agreed)
    monkeypatch.undo()
    federation, _ = deploy_federation(sender, TERMS, **agreed)
    assert audit(chain, federation.address).findings == ()
