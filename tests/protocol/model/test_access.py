"""Roles: who can grant them, and how the admin is replaced in two steps."""

from tests.support.consortium import refused

from collegium.protocol.model.access import ADMIN, COORDINATOR, COUNCIL, PAUSER


def test_roles_are_granted_and_revoked(consortium):
    admin, anybody = consortium.admin, consortium.anybody
    with refused("AccessControlUnauthorizedAccount"):
        consortium.call(anybody, "grantRole", role=COUNCIL, account=anybody)
    (event,) = consortium.call(admin, "grantRole", role=COUNCIL, account=anybody)
    assert event.args == {"role": COUNCIL, "account": anybody, "sender": admin}
    assert consortium.call(admin, "grantRole", role=COUNCIL, account=anybody) == []
    consortium.call(anybody, "revoke", id=1)
    with refused("AccessControlBadConfirmation"):
        consortium.call(anybody, "renounceRole", role=COUNCIL, account=admin)
    (event,) = consortium.call(anybody, "renounceRole", role=COUNCIL, account=anybody)
    assert event.name == "RoleRevoked"
    with refused("AccessControlUnauthorizedAccount"):
        consortium.call(anybody, "revoke", id=2)
    assert consortium.call(admin, "revokeRole", role=COUNCIL, account=anybody) == []


def test_each_role_can_do_its_own_calls_only(consortium):
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
    for name in ("grantRole", "revokeRole", "renounceRole"):
        with refused("AccessControlEnforcedDefaultAdminRules"):
            consortium.call(admin, name, role=ADMIN, account=admin)
    for name, args in (
        ("beginDefaultAdminTransfer", {"newAdmin": heir}),
        ("cancelDefaultAdminTransfer", {}),
    ):
        with refused("AccessControlUnauthorizedAccount"):
            consortium.call(heir, name, **args)
    with refused("AccessControlInvalidDefaultAdmin"):
        consortium.call(heir, "acceptDefaultAdminTransfer")
    (event,) = consortium.call(admin, "beginDefaultAdminTransfer", newAdmin=heir)
    assert event.args == {"newAdmin": heir, "acceptSchedule": consortium.time}
    with refused("AccessControlInvalidDefaultAdmin", defaultAdmin=consortium.anybody):
        consortium.call(consortium.anybody, "acceptDefaultAdminTransfer")
    consortium.call(admin, "withdraw", amount=1)  # nothing has changed yet
    lost, won = consortium.call(heir, "acceptDefaultAdminTransfer")
    assert (lost.name, lost.args["account"]) == ("RoleRevoked", admin)
    assert (won.name, won.args["account"]) == ("RoleGranted", heir)
    with refused("NotSponsor"):
        consortium.call(admin, "withdraw", amount=1)
    consortium.call(heir, "withdraw", amount=1)
    consortium.call(admin, "revoke", id=1)  # the other roles stay until they are revoked
    with refused("AccessControlInvalidDefaultAdmin"):
        consortium.call(heir, "acceptDefaultAdminTransfer")


def test_an_appointed_admin_can_be_withdrawn_or_replaced(consortium):
    admin, heir, other = consortium.admin, consortium.account(1), consortium.account(2)
    consortium.call(admin, "beginDefaultAdminTransfer", newAdmin=heir)
    consortium.call(admin, "beginDefaultAdminTransfer", newAdmin=other)
    with refused("AccessControlInvalidDefaultAdmin"):
        consortium.call(heir, "acceptDefaultAdminTransfer")
    (event,) = consortium.call(admin, "cancelDefaultAdminTransfer")
    assert event.name == "DefaultAdminTransferCanceled"
    with refused("AccessControlInvalidDefaultAdmin"):
        consortium.call(other, "acceptDefaultAdminTransfer")
