"""Who is a node: admission, keys, seats and the round from which a change counts."""

import pytest

from collegium.protocol.digest import keccak
from collegium.protocol.machine import COUNCIL, ZERO_ADDRESS, Revert
from collegium.protocol.registry import FOREVER, SEATS, allow_leaf


def refused(name, **values):
    return pytest.raises(Revert, match=f"^{name}\\(")


def test_a_node_registers_with_its_stake(make_consortium, terms):
    consortium = make_consortium(terms, nodes=0)
    registered, staked = consortium.join()
    assert (registered.contract, registered.name) == ("federation", "NodeRegistered")
    assert registered.args == {
        "id": 1,
        "account": consortium.account(1),
        "signer": consortium.signer(1),
        "seat": 0,
        "activeFrom": 1,
        "encryptionKey": b"e" * 32,
        "transportKey": b"t" * 32,
    }
    assert (staked.contract, staked.name) == ("vault", "Staked")
    assert staked.args == {"id": 1, "account": consortium.account(1), "amount": terms.stake}
    model = consortium.model
    node = model.node(1)
    assert node is model.node_of(node.account) is model.node_of_signer(node.signer)
    assert model.node_of(node.signer) is None and model.vault.staked == terms.stake


def test_only_the_admitted_join(consortium):
    stranger = consortium.registration(9)
    with refused("NotAdmitted"):
        consortium.call(consortium.account(9), "register", **stranger)
    consortium.call(consortium.admin, "admit", account=consortium.account(9), allowed=True)
    consortium.call(consortium.admin, "admit", account=consortium.account(9), allowed=False)
    with refused("NotAdmitted"):
        consortium.call(consortium.account(9), "register", **stranger)


def test_an_allow_list_admits_whoever_proves_to_be_on_it(consortium):
    leaves = [allow_leaf(consortium.account(id)) for id in (9, 10)]
    root = keccak(b"".join(sorted(leaves)))
    consortium.call(consortium.admin, "setAllowList", root=root)
    with refused("NotAdmitted"):
        consortium.call(consortium.account(9), "register", **consortium.registration(9))
    proven = consortium.registration(9) | {"proof": [leaves[1]]}
    with refused("NotAdmitted"):
        consortium.call(consortium.account(11), "register", **proven)
    consortium.call(consortium.account(9), "register", **proven)
    consortium.call(consortium.admin, "setAllowList", root=bytes(32))
    with refused("NotAdmitted"):
        late = consortium.registration(10) | {"proof": [leaves[0]]}
        consortium.call(consortium.account(10), "register", **late)


def test_accounts_and_signers_belong_to_one_node_for_ever(consortium):
    with refused("AccountTaken"):
        consortium.call(consortium.account(1), "register", **consortium.registration(9))
    consortium.call(consortium.admin, "admit", account=consortium.account(9), allowed=True)
    for signer in (consortium.signer(1), ZERO_ADDRESS):
        with refused("SignerTaken"):
            form = consortium.registration(9) | {"signer": signer}
            consortium.call(consortium.account(9), "register", **form)
    consortium.call(consortium.admin, "revoke", id=1)
    with refused("SignerTaken"):
        form = consortium.registration(9) | {"signer": consortium.signer(1)}
        consortium.call(consortium.account(9), "register", **form)
    with refused("AccountTaken"):
        consortium.call(consortium.account(1), "register", **consortium.registration(9))


def test_who_joins_during_a_round_takes_part_from_the_next(consortium):
    consortium.open()
    consortium.join()
    assert consortium.model.node(6).active_from == 2
    with refused("NotActive"):
        consortium.commit(6)
    assert 6 not in consortium.round.members.values()


def test_who_is_revoked_during_a_round_finishes_it(consortium):
    consortium.open()
    (event,) = consortium.call(consortium.admin, "revoke", id=2)
    assert event.args == {"id": 2, "activeUntil": 2}
    assert consortium.commit(2)
    consortium.expire()
    consortium.time += 10_000
    consortium.advance()
    consortium.open()
    with refused("NotActive"):
        consortium.commit(2)


def test_a_revoked_node_is_revoked_once_and_unknown_ones_never(consortium):
    consortium.call(consortium.admin, "revoke", id=2)
    with refused("AlreadyRevoked"):
        consortium.call(consortium.admin, "revoke", id=2)
    for id in (0, 6):
        with refused("UnknownNode"):
            consortium.call(consortium.admin, "revoke", id=id)


def test_the_lowest_free_seat_is_given_but_not_one_in_use(consortium):
    assert [node.seat for node in consortium.model.nodes] == [0, 1, 2, 3, 4]
    consortium.call(consortium.admin, "revoke", id=2)
    consortium.join()
    assert consortium.model.node(6).seat == 1  # no round is live: the seat is free at once
    consortium.open()
    consortium.call(consortium.admin, "revoke", id=1)
    consortium.join()
    assert consortium.model.node(7).seat == 5  # seat 0 serves the live round
    consortium.time += 10_000
    consortium.advance()
    consortium.join()
    assert consortium.model.node(8).seat == 0
    assert consortium.model.seated == {0: 8, 1: 6, 2: 3, 3: 4, 4: 5, 5: 7}


def test_a_node_that_joined_and_left_within_one_round_never_takes_part(consortium):
    consortium.open()
    consortium.join()
    consortium.call(consortium.admin, "revoke", id=6)
    node = consortium.model.node(6)
    assert not any(node.active_in(round_id) for round_id in range(5))


def test_there_are_256_seats(make_consortium, terms):
    consortium = make_consortium(terms, nodes=SEATS)
    assert {node.seat for node in consortium.model.nodes} == set(range(SEATS))
    with refused("FederationFull"):
        consortium.join()
    consortium.call(consortium.admin, "revoke", id=77)
    consortium.join()
    assert consortium.model.nodes[-1].seat == 76
    assert sum(node.active_until == FOREVER for node in consortium.model.nodes) == SEATS


def test_the_council_alone_decides(consortium):
    for name, args in (
        ("admit", {"account": consortium.anybody, "allowed": True}),
        ("setAllowList", {"root": bytes(32)}),
        ("revoke", {"id": 1}),
    ):
        with refused("AccessControlUnauthorizedAccount"):
            consortium.call(consortium.anybody, name, **args)


def test_roles_are_granted_and_taken_back(consortium):
    admin, anybody = consortium.admin, consortium.anybody
    with refused("AccessControlUnauthorizedAccount"):
        consortium.call(anybody, "grantRole", role=COUNCIL, account=anybody)
    (event,) = consortium.call(admin, "grantRole", role=COUNCIL, account=anybody)
    assert event.args == {"role": COUNCIL, "account": anybody, "sender": admin}
    assert consortium.call(admin, "grantRole", role=COUNCIL, account=anybody) == []
    consortium.call(anybody, "revoke", id=1)
    with refused("AccessControlBadConfirmation"):
        consortium.call(anybody, "renounceRole", role=COUNCIL, callerConfirmation=admin)
    (event,) = consortium.call(anybody, "renounceRole", role=COUNCIL, callerConfirmation=anybody)
    assert event.name == "RoleRevoked"
    with refused("AccessControlUnauthorizedAccount"):
        consortium.call(anybody, "revoke", id=2)
    assert consortium.call(admin, "revokeRole", role=COUNCIL, account=anybody) == []
