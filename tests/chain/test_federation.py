"""The typed client drives a whole round, on the embedded chain and on Hardhat."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from tests.support.terms import terms

from collegium.chain import engines, history
from collegium.chain.connection import Chain
from collegium.chain.federation import (
    COORDINATOR,
    PAUSER,
    Federation,
    deploy_federation,
    deploy_token,
)
from collegium.chain.refusals import NodeNotRegistered, TokensMissing
from collegium.chain.sender import Sender
from collegium.errors import (
    InsufficientFunds,
    LeftNode,
    MissingKeys,
    NothingOwed,
    StakeLocked,
    TransactionReverted,
    UnregisteredNode,
    WrongChain,
)
from collegium.protocol import ledger, verdict
from collegium.protocol.model.round import Phase
from collegium.protocol.packed import pack_attestation, pack_commitment
from collegium.protocol.rules.shares import EQUAL
from collegium.protocol.settlement import INVALID, settle
from collegium.protocol.signing import Domain, compact, sign

CARD, GENESIS, MERGED = b"\x11" * 32, b"\x22" * 32, b"\x33" * 32
TERMS = terms(min_score=0, weight_rule=EQUAL)


@dataclass
class Hospital:
    """One node: its account, its signer and its clients."""

    id: int
    account: LocalAccount
    signer: LocalAccount
    own: Federation
    hot: Federation


@pytest.fixture
def sponsor(any_chain: Chain, sender_for: Callable[..., Sender]) -> Federation:
    """A new federation with tokens in escrow and in all wallets, as its sponsor."""
    sender = sender_for(any_chain, 0)
    token = deploy_token(sender)
    federation, receipt = deploy_federation(
        sender, TERMS, card=CARD, genesis=GENESIS, token=token.address, admin=sender.address
    )
    assert receipt.gas_used > 1_000_000
    federation.mint(sender.address, 10 * TERMS.reward)
    federation.deposit(3 * TERMS.reward)
    return federation


@pytest.fixture
def hospitals(sponsor: Federation, any_chain: Chain, tmp_path: Path) -> list[Hospital]:
    """Four admitted and registered nodes with separate signers."""
    found = []
    for index in range(1, 5):
        account, signer = any_chain.dev_accounts[index], Account.create()
        sponsor.admit(account.address)
        sponsor.mint(account.address, TERMS.stake)
        own = sponsor.using(account, lock_directory=tmp_path)
        own.sender.send(signer.address, value=10**18)  # gas for its votes
        receipt = own.register(signer.address, bytes([index]) * 32, bytes(32))
        node = receipt.event("NodeRegistered")["id"]
        hot = sponsor.using(signer, lock_directory=tmp_path)
        found.append(Hospital(node, account, signer, own, hot))
    return found


def _commit(sponsor: Federation, hospitals: list[Hospital], domain: Domain) -> None:
    """Two nodes send their commitment themselves, two sign it and the sponsor relays."""
    round_id, base = sponsor.round().id, sponsor.state_root()
    for hospital in hospitals[:2]:
        digest = bytes([hospital.id]) * 32
        event = hospital.hot.commit_update(round_id, digest).event("UpdateCommitted")
        assert (event["id"], event["digest"]) == (hospital.id, digest)
    items = []
    for hospital in hospitals[2:]:
        digest = bytes([hospital.id]) * 32
        message = domain.update_digest(round_id, hospital.account.address, base, digest)
        signature = compact(sign(message, hospital.signer.key))
        items.append(pack_commitment(hospital.account.address, digest, signature))
    receipt = sponsor.commit_updates(round_id, [*items, items[0]])
    assert [e.name for e in receipt.events] == ["CommitSkipped", "UpdatesCommitted"]


def _vote(sponsor: Federation, by_id: dict[int, Hospital], owners: list[int]) -> list[list[int]]:
    """Every member of the committee scores update i with 1000·(i+1)."""
    round_id, committee = sponsor.round().id, sponsor.committee()
    votes, openings = [], []
    for slot, member in enumerate(committee):
        scores = [0 if owner == member else 1000 * (i + 1) for i, owner in enumerate(owners)]
        packed, salt = verdict.encode_scores(scores), secrets.token_bytes(32)
        account = by_id[member].account.address
        chain_id = sponsor.chain.chain_id
        seal = verdict.seal(chain_id, sponsor.address, round_id, account, packed, salt)
        by_id[member].hot.commit_verdict(round_id, slot, seal)
        votes.append(scores)
        openings.append((packed, salt))
    assert sponsor.round().phase is Phase.REVEAL
    for slot, (packed, salt) in enumerate(openings):
        by_id[committee[slot]].hot.reveal_verdict(round_id, slot, packed, salt)
    return votes


def test_a_whole_round(sponsor: Federation, hospitals: list[Hospital]) -> None:
    by_id = {h.id: h for h in hospitals}
    domain = Domain(sponsor.chain.chain_id, sponsor.address)
    assert sponsor.round().phase is Phase.IDLE
    opened = sponsor.open_round().event("RoundOpened")
    assert opened["base"] == GENESIS == sponsor.state_root()
    _commit(sponsor, hospitals, domain)
    if sponsor.round().phase is Phase.COMMIT:  # all are in: it ends with the next second
        sponsor.chain.increase_time(1)
    assert sponsor.round().phase is Phase.DRAW

    sponsor.advance(1)
    events = sponsor.events()
    drawn = history.drawn(events, 1)
    assert drawn is not None and list(drawn.committee) == sponsor.committee()
    updates = history.updates(events, 1)
    assert updates == [(h.id, bytes([h.id]) * 32) for h in hospitals]
    votes = _vote(sponsor, by_id, [owner for owner, _ in updates])

    receipt = sponsor.settle(1)
    settled = history.settled(receipt.events, 1)
    wanted = settle(TERMS, [o for o, _ in updates], list(drawn.committee), votes)
    assert settled is not None
    assert settled.medians == tuple(wanted.phi) and INVALID not in settled.medians
    assert settled.weights == tuple(wanted.weights)
    assert settled.pays == tuple(wanted.node_pays)
    assert settled.fees == tuple(wanted.validator_pays)
    assert sponsor.escrow().ledger_root == ledger.root(settled.totals)

    by_id[drawn.aggregator].hot.propose_merge(1, MERGED)
    message = domain.merge_digest(1, MERGED)
    attestations = [
        pack_attestation(slot, compact(sign(message, by_id[node].signer.key)))
        for slot, node in enumerate(drawn.committee)
    ]
    attested = sponsor.attest_merge(1, attestations).event("MergeAttested")
    assert attested["deadline"] == sponsor.round().deadline, "from here on it is open to dispute"
    sponsor.chain.increase_time(max(1, attested["deadline"] - sponsor.chain.timestamp()))
    receipt = sponsor.advance(1)
    assert receipt.event("RoundFinalised")["root"] == MERGED == sponsor.state_root()
    assert sponsor.round().phase is Phase.FINAL

    for hospital in hospitals:
        due = hospital.own.due(hospital.id)
        before = sponsor.balance(hospital.account.address)
        assert due > 0
        paid = sponsor.claim(hospital.id).event("Claimed")  # anyone may send it
        assert (paid["account"], paid["amount"]) == (hospital.account.address, due)
        assert sponsor.balance(hospital.account.address) == before + due
        assert hospital.own.due(hospital.id) == 0
        with pytest.raises(TransactionReverted) as again:
            sponsor.claim(hospital.id)
        assert again.value.error == "NothingToClaim"
    books = sponsor.escrow()
    assert books.conserved and books.claimed == books.earned
    assert books.staked == 4 * TERMS.stake
    sponsor.withdraw(books.free)
    assert sponsor.escrow().free == 0


def test_views(sponsor: Federation, hospitals: list[Hospital]) -> None:
    nodes = sponsor.nodes()
    assert [n.id for n in nodes] == [1, 2, 3, 4] and sponsor.active_count() == 4
    first, hospital = nodes[0], hospitals[0]
    assert (first.account, first.signer) == (hospital.account.address, hospital.signer.address)
    assert first.encryption_key == b"\x01" * 32
    assert first.active_in(1) and not first.active_in(0)
    assert sponsor.node_of(hospital.account.address) == hospital.id
    assert sponsor.node_of_signer(hospital.signer.address) == hospital.id
    assert sponsor.terms() == TERMS.to_struct(CARD, GENESIS)
    sponsor.revoke(2)
    assert sponsor.active_count() == 3 and not sponsor.node(2).active_in(1)
    sponsor.grant(COORDINATOR, hospitals[2].account.address)
    hospitals[2].own.open_round()
    assert sponsor.round().members == 0b1101


def test_refusals_are_explained(sponsor: Federation, hospitals: list[Hospital]) -> None:
    with pytest.raises(TransactionReverted, match=r"WrongRound\(newest=0\)"):
        sponsor.commit_updates(1, [bytes(116)])
    with pytest.raises(TransactionReverted, match="AccessControlUnauthorizedAccount"):
        hospitals[0].own.open_round()
    with pytest.raises(TransactionReverted) as base:
        sponsor.open_round(b"\x44" * 32)
    assert (base.value.error, base.value.arguments) == ("WrongBase", (GENESIS,))
    sponsor.open_round()
    with pytest.raises(UnregisteredNode) as outsider:
        sponsor.commit_update(1, bytes(32))
    assert isinstance(outsider.value, NodeNotRegistered) and outsider.value.error == "NotActive"
    with pytest.raises(TransactionReverted, match=r"NothingDue\(phase=COMMIT\)"):
        sponsor.advance(1)
    with pytest.raises(InsufficientFunds) as escrow:
        sponsor.withdraw(4 * TERMS.reward)
    assert isinstance(escrow.value, TokensMissing) and escrow.value.error == "InsufficientFree"
    with pytest.raises(TransactionReverted, match="UnknownNode"):
        sponsor.node(9)


def test_the_administration_is_handed_over_in_two_steps(
    sponsor: Federation, hospitals: list[Hospital]
) -> None:
    heir, stranger = hospitals[0].own, hospitals[1].own
    with pytest.raises(TransactionReverted, match="AccessControlUnauthorizedAccount"):
        stranger.begin_admin_transfer(stranger.sender.address)
    sponsor.begin_admin_transfer(heir.sender.address)
    with pytest.raises(TransactionReverted, match="AccessControlInvalidDefaultAdmin"):
        stranger.accept_admin_transfer()
    sponsor.grant(PAUSER, heir.sender.address)  # still the sponsor's to give
    heir.accept_admin_transfer()
    with pytest.raises(TransactionReverted, match="AccessControlUnauthorizedAccount"):
        sponsor.grant(PAUSER, stranger.sender.address)
    heir.grant(PAUSER, stranger.sender.address)
    stranger.pause()


def test_leaving_and_keys(sponsor: Federation, hospitals: list[Hospital]) -> None:
    first, second = hospitals[0], hospitals[1]
    fresh = Account.create()
    rotated = first.own.rotate(fresh.address, b"\x07" * 32, b"\x08" * 32).event("NodeRotated")
    assert (rotated["id"], rotated["signer"], rotated["activeFrom"]) == (1, fresh.address, 1)
    assert sponsor.node(1).encryption_key == b"\x07" * 32
    second.own.exit()
    with pytest.raises(LeftNode) as again:
        second.own.exit()
    assert (again.value.error, again.value.code) == ("NotRegistered", "CG303")
    with pytest.raises(StakeLocked) as locked:
        sponsor.withdraw_stake(2)
    assert (locked.value.error, locked.value.code) == ("StakeLocked", "CG307")
    assert list(history.nodes(sponsor.events()).values()) == sponsor.nodes()
    assert history.stakes(sponsor.events()) == {h.id: sponsor.stake(h.id) for h in hospitals}
    for send in (sponsor.recycle, lambda: sponsor.collect(first.account.address)):
        with pytest.raises(NothingOwed) as none:
            send()
        assert (none.value.error, none.value.code) == ("NothingOwed", "CG508")
    assert sponsor.bond == TERMS.bond == sponsor.terms()["stake"]


def test_registration_without_tokens(sponsor: Federation, any_chain: Chain, tmp_path: Path) -> None:
    account = any_chain.dev_accounts[9]
    client = sponsor.using(account, lock_directory=tmp_path)
    with pytest.raises(UnregisteredNode) as stranger:
        client.register(account.address, bytes(32), bytes(32))
    assert stranger.value.error == "NotAdmitted"
    sponsor.admit(account.address)
    with pytest.raises(InsufficientFunds) as poor:
        client.register(account.address, bytes(32), bytes(32))
    assert poor.value.error == "ERC20InsufficientBalance"


def test_a_client_without_keys_only_reads(sponsor: Federation) -> None:
    reader = Federation(sponsor.chain, sponsor.address)
    assert reader.round().id == 0
    with pytest.raises(MissingKeys):
        reader.advance(1)


def test_an_address_without_contract_is_named(any_chain: Chain) -> None:
    with pytest.raises(WrongChain) as caught:
        Federation(any_chain, any_chain.dev_accounts[0].address)
    assert caught.value.code == "CG208"


def test_gas_is_the_same_on_both_chains(hardhat: Chain, sender_for: Callable[..., Sender]) -> None:
    used = []
    with engines.connect("embedded") as embedded:
        for chain in (embedded, hardhat):
            sender = sender_for(chain, 11)
            token = deploy_token(sender)
            federation, created = deploy_federation(
                sender, TERMS, card=CARD, genesis=GENESIS, token=token.address, admin=sender.address
            )
            minted = federation.mint(sender.address, 10**6)
            deposited = federation.deposit(10**6)
            admitted = federation.admit(sender.address)
            used.append([r.gas_used for r in (created, minted, deposited, admitted)])
    assert used[0] == used[1]
