"""Roles: who may give them, and how the admin hands over in two steps."""

from tests.protocol.consortium import refused

from collegium.protocol.access import ADMIN, COORDINATOR, COUNCIL, PAUSER
from collegium.protocol.machine import ZERO_ADDRESS


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


def test_each_role_does_its_own_and_no_more(consortium):
    calls = {
        COUNCIL: ("revoke", {"id": 1}),
        COORDINATOR: ("openRound", {"base": consortium.model.state_root}),
        PAUSER: ("pause", {}),
    }
    for role in calls:
        consortium.call(consortium.admin, "grantRole", role=role, account=consortium.anybody)
        for other, (name, args) in calls.items():
            if other != role:
                with refused("AccessControlUnauthorizedAccount"):
                    consortium.call(consortium.anybody, name, **args)
        consortium.call(consortium.admin, "revokeRole", role=role, account=consortium.anybody)


def test_the_admin_changes_in_two_steps_only(consortium):
    admin, heir = consortium.admin, consortium.account(1)
    for name in ("grantRole", "revokeRole"):
        with refused("AccessControlEnforcedDefaultAdminRules"):
            consortium.call(admin, name, role=ADMIN, account=heir)
    with refused("AccessControlUnauthorizedAccount"):
        consortium.call(heir, "beginDefaultAdminTransfer", newAdmin=heir)
    with refused("AccessControlInvalidDefaultAdmin"):
        consortium.call(heir, "acceptDefaultAdminTransfer")
    (event,) = consortium.call(admin, "beginDefaultAdminTransfer", newAdmin=heir)
    assert event.args == {"newAdmin": heir, "acceptSchedule": consortium.time}
    with refused("AccessControlInvalidDefaultAdmin"):
        consortium.call(consortium.anybody, "acceptDefaultAdminTransfer")
    with refused("AccessControlEnforcedDefaultAdminDelay"):  # not in the same block
        consortium.call(heir, "acceptDefaultAdminTransfer")
    consortium.time += 1
    lost, won = consortium.call(heir, "acceptDefaultAdminTransfer")
    assert (lost.name, lost.args["account"]) == ("RoleRevoked", admin)
    assert (won.name, won.args["account"]) == ("RoleGranted", heir)
    with refused("NotSponsor"):
        consortium.call(admin, "withdraw", amount=1)
    consortium.call(heir, "withdraw", amount=1)
    consortium.call(admin, "revoke", id=1)  # the other roles stay until they are taken


def test_a_succession_is_withdrawn_or_replaced(consortium):
    admin, heir, other = consortium.admin, consortium.account(1), consortium.account(2)
    assert consortium.call(admin, "cancelDefaultAdminTransfer") == []
    consortium.call(admin, "beginDefaultAdminTransfer", newAdmin=heir)
    cancelled, _ = consortium.call(admin, "beginDefaultAdminTransfer", newAdmin=other)
    assert cancelled.name == "DefaultAdminTransferCanceled"
    consortium.time += 1
    with refused("AccessControlInvalidDefaultAdmin"):
        consortium.call(heir, "acceptDefaultAdminTransfer")
    consortium.call(admin, "cancelDefaultAdminTransfer")
    with refused("AccessControlInvalidDefaultAdmin"):
        consortium.call(other, "acceptDefaultAdminTransfer")


def test_the_admin_renounces_only_what_it_has_announced(consortium):
    admin = consortium.admin
    call = {"role": ADMIN, "callerConfirmation": admin}
    with refused("AccessControlEnforcedDefaultAdminDelay"):
        consortium.call(admin, "renounceRole", **call)
    consortium.call(admin, "beginDefaultAdminTransfer", newAdmin=ZERO_ADDRESS)
    with refused("AccessControlEnforcedDefaultAdminDelay"):
        consortium.call(admin, "renounceRole", **call)
    consortium.time += 1
    with refused("AccessControlBadConfirmation"):
        consortium.call(consortium.anybody, "renounceRole", **call)
    (event,) = consortium.call(admin, "renounceRole", **call)
    assert event.name == "RoleRevoked" and consortium.model.admin == ZERO_ADDRESS
    with refused("AccessControlUnauthorizedAccount"):
        consortium.call(admin, "grantRole", role=COUNCIL, account=admin)


def test_a_longer_delay_holds_the_handover_back(consortium):
    admin, heir = consortium.admin, consortium.account(1)
    (event,) = consortium.call(admin, "changeDefaultAdminDelay", newDelay=600)
    assert event.args == {"newDelay": 600, "effectSchedule": consortium.time + 600}
    consortium.time += 601
    (event,) = consortium.call(admin, "beginDefaultAdminTransfer", newAdmin=heir)
    assert event.args["acceptSchedule"] == consortium.time + 600
    consortium.time += 600
    with refused("AccessControlEnforcedDefaultAdminDelay"):
        consortium.call(heir, "acceptDefaultAdminTransfer")
    (event,) = consortium.call(admin, "changeDefaultAdminDelay", newDelay=100)
    assert event.args["effectSchedule"] == consortium.time + 500  # what was promised is kept
    (event,) = consortium.call(admin, "rollbackDefaultAdminDelay")
    assert event.name == "DefaultAdminDelayChangeCanceled"
    (event,) = consortium.call(admin, "changeDefaultAdminDelay", newDelay=10**9)
    assert event.args["effectSchedule"] == consortium.time + 5 * 24 * 3600
    consortium.time += 1
    consortium.call(heir, "acceptDefaultAdminTransfer")
