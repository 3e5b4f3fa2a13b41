"""Members: admission, keys, seats, and the round in which a change takes effect."""

from tests.support.consortium import refused

from collegium.protocol.digest import keccak
from collegium.protocol.membership import FOREVER
from collegium.protocol.model.federation import NOT_ACTIVE
from collegium.protocol.model.machine import ZERO_ADDRESS
from collegium.protocol.model.registry import SEATS, LeaveReason, allow_leaf


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


def test_an_allow_list_admits_accounts_with_a_proof(consortium):
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


def test_accounts_and_signers_belong_to_one_node_permanently(consortium):
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


def test_a_node_that_joins_during_a_round_takes_part_from_the_next(consortium):
    consortium.open()
    consortium.join()
    assert consortium.model.node(6).active_from == 2
    with refused("NotActive"):
        consortium.commit(6)
    assert 6 not in consortium.round.members.values()


def test_a_node_revoked_during_a_round_finishes_it(consortium, terms):
    consortium.open()
    left, unbonding = consortium.call(consortium.admin, "revoke", id=2)
    assert left.name == "NodeLeft"
    assert left.args == {"id": 2, "activeUntil": 2, "reason": LeaveReason.REVOKED}
    assert unbonding.args == {"id": 2, "until": consortium.time + terms.unbonding}
    assert consortium.commit(2)
    consortium.expire()
    consortium.time += 10_000
    consortium.advance()
    consortium.open()
    with refused("NotActive"):
        consortium.commit(2)


def test_only_a_registered_node_can_be_revoked_and_only_once(consortium):
    consortium.call(consortium.admin, "revoke", id=2)
    with refused("NotRegistered"):
        consortium.call(consortium.admin, "revoke", id=2)
    for id in (0, 6):
        with refused("UnknownNode"):
            consortium.call(consortium.admin, "revoke", id=id)


def test_the_lowest_free_seat_is_given_but_not_one_in_use(consortium):
    assert [node.seat for node in consortium.model.nodes] == [0, 1, 2, 3, 4]
    consortium.call(consortium.admin, "revoke", id=2)
    consortium.join()
    assert consortium.model.node(6).seat == 1  # no round is live, so the seat is free at once
    consortium.open()
    consortium.call(consortium.admin, "revoke", id=1)
    consortium.join()
    assert consortium.model.node(7).seat == 5  # the live round needs seat 0
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


def test_only_the_council_admits_and_revokes(consortium):
    for name, args in (
        ("admit", {"account": consortium.anybody, "allowed": True}),
        ("setAllowList", {"root": bytes(32)}),
        ("revoke", {"id": 1}),
    ):
        with refused("AccessControlUnauthorizedAccount"):
            consortium.call(consortium.anybody, name, **args)


def allow(consortium, *ids: int) -> list[bytes]:
    """Put the accounts of two nodes on the allow-list; returns a proof for each."""
    leaves = [allow_leaf(consortium.account(id)) for id in ids]
    consortium.call(consortium.admin, "setAllowList", root=keccak(b"".join(sorted(leaves))))
    return leaves[::-1]


def test_an_exit_ends_the_membership_once(consortium, terms):
    with refused("UnknownNode", id=0):
        consortium.call(consortium.anybody, "exit")
    left, unbonding = consortium.call(consortium.account(3), "exit")
    assert left.args == {"id": 3, "activeUntil": 1, "reason": LeaveReason.EXITED}
    assert unbonding.args == {"id": 3, "until": consortium.time + terms.unbonding}
    for name, args in (("exit", {}), ("rotate", keys(consortium, 9))):
        with refused("NotRegistered", id=3):
            consortium.call(consortium.account(3), name, **args)
    consortium.open()
    with refused("NotActive"):
        consortium.commit(3)


def test_a_node_that_left_comes_back_under_its_id_with_a_new_signer_and_seat(consortium):
    model = consortium.model
    consortium.open()
    consortium.call(consortium.account(2), "exit")
    with refused("SignerTaken"):
        consortium.call(consortium.account(2), "register", **consortium.registration(2))
    again = consortium.registration(2) | {"signer": consortium.signer(9), "transportKey": b"n" * 32}
    registered, staked = consortium.call(consortium.account(2), "register", **again)
    assert registered.args["id"] == 2 and registered.args["activeFrom"] == 2
    assert registered.args["seat"] == 5  # the live round needs seat 1
    assert staked.args["amount"] == 0 and len(model.nodes) == 5
    node = model.node(2)
    assert (node.signer, node.transport_key, node.left) == (consortium.signer(9), b"n" * 32, False)
    assert node is model.node_of(consortium.account(2)) is model.node_of_signer(node.signer)
    with refused("AccountTaken"):
        consortium.call(consortium.account(2), "register", **again)
    consortium.commit(2)  # the old key still acts for it in the round that it began
    consortium.time += 10_000
    consortium.advance()
    consortium.open()
    call = {"round": 2, "digest": consortium.digest(2)}
    with refused("NotActive"):
        consortium.call(consortium.signer(2), "commitUpdate", **call)
    consortium.call(consortium.signer(9), "commitUpdate", **call)


def test_a_revoked_node_comes_back_only_if_admitted_again(consortium):
    proof = allow(consortium, 2, 3)
    form = consortium.registration(2) | {"signer": consortium.signer(9), "proof": proof[:1]}
    consortium.call(consortium.admin, "revoke", id=2)
    assert consortium.account(2) not in consortium.model.admitted
    with refused("NotAdmitted"):
        consortium.call(consortium.account(2), "register", **form)
    consortium.call(consortium.admin, "admit", account=consortium.account(2), allowed=True)
    consortium.call(consortium.account(2), "register", **form)
    consortium.call(consortium.admin, "admit", account=consortium.account(2), allowed=False)
    # A node that exits keeps its place on the allow-list, even after an earlier revocation.
    consortium.call(consortium.account(2), "exit")
    consortium.call(consortium.account(2), "register", **form | {"signer": consortium.signer(11)})
    consortium.call(consortium.admin, "admit", account=consortium.account(3), allowed=False)
    consortium.call(consortium.account(3), "exit")
    form = consortium.registration(3) | {"signer": consortium.signer(10), "proof": proof[1:]}
    consortium.call(consortium.account(3), "register", **form)


def keys(consortium, signer: int) -> dict:
    return {
        "signer": consortium.signer(signer),
        "encryptionKey": b"x" * 32,
        "transportKey": b"y" * 32,
    }


def test_new_keys_take_effect_in_the_next_round(consortium):
    consortium.open()
    (event,) = consortium.call(consortium.account(2), "rotate", **keys(consortium, 9))
    assert event.name == "NodeRotated"
    assert event.args == {"id": 2, "activeFrom": 2, **keys(consortium, 9)}
    node, model = consortium.model.node(2), consortium.model
    assert (node.signer, node.encryption_key) == (consortium.signer(9), b"x" * 32)
    old, new = consortium.signer(2), consortium.signer(9)
    assert [model.signs(old, id) and 2 for id in (0, 1, 2)] == [None, 2, None]
    assert [model.signs(new, id) and 2 for id in (1, 2)] == [None, 2]
    call = {"round": 1, "digest": consortium.digest(2)}
    with refused("NotActive"):
        consortium.call(new, "commitUpdate", **call)
    consortium.call(old, "commitUpdate", **call)
    consortium.commit(1, 3, 4, 5)
    consortium.draw()
    for slot, id in enumerate(consortium.round.committee):
        if id == 2:
            with refused("NotMember"):
                seal = {"round": 1, "slot": slot, "seal": bytes(32)}
                consortium.call(new, "commitVerdict", **seal)
        consortium.seal(slot, [1] * 5)


def test_only_the_key_of_the_round_is_accepted_anywhere(consortium):
    """Of an old and a new key only the round's own can commit, relay, vote, propose and attest."""
    consortium.open()
    for id in range(1, 6):
        consortium.call(consortium.account(id), "rotate", **keys(consortium, id + 5))
    good, bad = consortium.commitment(1), consortium.commitment(2, key=consortium.key(7))
    events = consortium.call(consortium.anybody, "commitUpdates", round=1, items=bad + good)
    assert events[0].args["reason"] == NOT_ACTIVE and events[1].name == "UpdatesCommitted"
    consortium.commit(2)
    consortium.draw()
    for step in (consortium.seal, consortium.reveal):
        for slot in range(3):
            step(slot, [1, 1])
    consortium.settle()
    turn = consortium.round.aggregator
    with refused("NotActive"):
        call = {"round": 1, "root": bytes(32)}
        consortium.call(consortium.signer(turn + 5), "proposeMerge", **call)
    consortium.propose()
    first = consortium.round.committee[0]
    wrong = consortium.attestation(0, consortium.round.proposal, consortium.key(first + 5))
    with refused("BadSignature"):
        consortium.call(consortium.anybody, "attestMerge", round=1, signatures=wrong)
    consortium.final()
    consortium.open()
    call = {"round": 2, "digest": consortium.digest(3)}
    with refused("NotActive"):
        consortium.call(consortium.signer(3), "commitUpdate", **call)
    consortium.commit(3)


def test_rotating_keeps_the_signer_or_takes_an_unused_one(consortium):
    consortium.call(consortium.account(2), "rotate", **keys(consortium, 2))
    assert consortium.model.node(2).signer == consortium.signer(2)
    consortium.call(consortium.account(2), "rotate", **keys(consortium, 9))
    for taken in (1, 2):
        with refused("SignerTaken"):
            consortium.call(consortium.account(2), "rotate", **keys(consortium, taken))
    with refused("SignerTaken"):
        zero = keys(consortium, 9) | {"signer": ZERO_ADDRESS}
        consortium.call(consortium.account(2), "rotate", **zero)
    with refused("UnknownNode"):
        consortium.call(consortium.anybody, "rotate", **keys(consortium, 10))


def test_a_key_replaced_before_its_first_round_never_acts(consortium):
    consortium.open()
    consortium.call(consortium.account(2), "rotate", **keys(consortium, 9))
    consortium.call(consortium.account(2), "rotate", **keys(consortium, 10))
    model = consortium.model
    assert not any(model.signs(consortium.signer(9), id) for id in range(4))
    assert model.signs(consortium.signer(2), 1) is model.signs(consortium.signer(10), 2)


def test_the_live_round_needs_the_nodes_that_began_it(consortium):
    model = consortium.model
    assert not model.needs(1)
    consortium.open()
    consortium.call(consortium.account(1), "exit")
    assert model.needs(1) and model.needs(2) and not model.needs(0) and not model.needs(6)
    consortium.time += 10_000
    consortium.advance()
    assert not model.needs(1)
