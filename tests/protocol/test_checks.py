"""The validator's checks: each kind of dishonest update is found and has its own code."""

from dataclasses import replace

import numpy as np
import pytest

from collegium.protocol import checks, codec
from collegium.protocol.checks import check_update, near_duplicate, read_update
from collegium.protocol.codec import Encoded
from collegium.protocol.container import Update, encode_update
from collegium.protocol.manifest import Privacy
from collegium.protocol.signing import Domain


def checked(case, data):
    """The update in a file, if it can be read, and the findings about it."""
    delivered = read_update(data, case.layout)
    found = delivered if isinstance(delivered, Update) else None
    return found, check_update(case, delivered)


def codes_of(case, update) -> list[str]:
    return [finding.code for finding in checked(case, encode_update(update))[1]]


def test_an_honest_update_passes(hospital, card):
    for bits in codec.BITS:
        update = hospital.update(width=bits)
        found, findings = checked(hospital.case(card, update), encode_update(update))
        assert findings == []
        assert found.manifest == update.manifest
        assert np.array_equal(found.encoded.codes, update.encoded.codes)


@pytest.mark.parametrize(
    ("lies", "code"),
    [
        ({"round": 6}, "round"),
        ({"chain_id": 1}, "federation"),
        ({"federation": "0x" + "11" * 20}, "federation"),
        ({"node": "0x" + "11" * 20}, "node"),
        ({"base": "ab" * 32}, "base"),
        ({"layout": "ab" * 32}, "layout"),
        ({"bits": 4}, "bits"),
        ({"lane_root": "ab" * 32}, "lane-root"),
    ],
)
def test_a_false_manifest_is_found(hospital, card, lies, code):
    """Even if it is signed and committed: the manifest itself must match the round."""
    update = hospital.update(**lies)
    codes = codes_of(hospital.case(card, update), update)
    assert code in codes and "digest" not in codes
    signed_elsewhere = {"round", "chain_id", "federation", "base"} & set(lies)
    assert ("signature" in codes) == bool(signed_elsewhere)


def test_a_foreign_signature_is_found(hospital, card):
    update = hospital.update(key=b"\x77" * 32)
    assert codes_of(hospital.case(card, update), update) == ["signature"]


def test_bytes_that_were_not_committed_are_found(hospital, card):
    update = hospital.update()
    other = hospital.update(width=2)
    assert codes_of(hospital.case(card, other), update) == ["digest"]


def test_a_copied_digest_and_file_are_worth_nothing(hospitals, card):
    """The thief commits the victim's digest and delivers the victim's bytes."""
    victim, thief = hospitals[:2]
    update = victim.update()
    assert codes_of(thief.case(card, update), update) == ["signature", "node"]


def test_a_replayed_update_is_found(hospital, card):
    update = hospital.update()
    case = hospital.case(card, update)
    assert codes_of(replace(case, round=8), update) == ["signature", "round"]
    assert codes_of(replace(case, base=b"x" * 32), update) == ["signature", "base"]
    other = Domain(31337, "0x" + "11" * 20)
    assert codes_of(replace(case, domain=other), update) == ["signature", "federation"]


def test_altered_lanes_are_found(hospital, card):
    update = hospital.update()
    flipped = replace(update, encoded=Encoded(8, update.encoded.exponents, -update.encoded.codes))
    assert codes_of(hospital.case(card, update), flipped) == ["lane-root"]


def test_an_inactive_node_and_missing_bytes_are_found_together(hospital, card):
    case = replace(hospital.case(card, hospital.update()), active=False)
    update, findings = checked(case, None)
    assert update is None and [f.code for f in findings] == ["inactive", "missing"]
    assert all(f.fatal for f in findings)


def test_an_inactive_node_does_not_hide_what_else_is_wrong(hospital, card):
    update = hospital.update(key=b"\x77" * 32, round=6)
    case = replace(hospital.case(card, update), active=False, committed=bytes(32))
    assert codes_of(case, update) == ["inactive", "signature", "digest", "round"]


@pytest.mark.parametrize(
    ("mangle", "code"),
    [
        (lambda data: b"", "container"),
        (lambda data: data[:-1], "container"),
        (lambda data: data + b"\0" * (1 << 17), "oversized"),
        (lambda data: data[:-1] + b"\x19", "codes"),
        (lambda data: data.replace(b'\\"bits\\":8', b'\\"bits\\":9'), "manifest-form"),
        (lambda data: data.replace(b'\\"round\\":7', b'\\"round\\":x'), "manifest-form"),
    ],
)
def test_unreadable_files_are_found(hospital, card, mangle, code):
    update = hospital.update()
    data = encode_update(update)
    found, findings = checked(hospital.case(card, update), mangle(data))
    assert found is None
    assert [(f.code, f.fatal) for f in findings] == [(code, True)]


def test_an_empty_update_is_found(hospital, card, layout):
    update = hospital.update(delta=np.zeros(layout.padded))
    assert codes_of(hospital.case(card, update), update) == ["empty"]


def test_a_scaled_poison_is_found_by_its_norm(hospital, card):
    loud = hospital.update(delta=hospital.delta() * 1000)
    assert codes_of(hospital.case(card, loud), loud) == ["norm"]
    quiet = hospital.update()
    limits = replace(card.limits, norm=1e-3)
    assert codes_of(hospital.case(replace(card, limits=limits), quiet), quiet) == ["norm"]


def test_near_duplicates_are_found_but_may_be_scored():
    found = near_duplicate({"0xA": 0.2, "0xB": 0.97, "0xC": 0.99}, 0.95)
    assert [(f.code, f.fatal) for f in found] == [("near-duplicate", False)]
    assert "0.9700 to the update of 0xB" in found[0].message
    assert near_duplicate({"0xB": 0.95}, 0.95) != [] == near_duplicate({"0xB": 0.9499}, 0.95)
    assert near_duplicate({}, 0.95) == []


def test_a_privacy_budget_is_required_if_agreed(hospital, card):
    strict = replace(card, limits=replace(card.limits, epsilon=8.0))
    for privacy, codes in (
        (None, ["privacy"]),
        (Privacy(1.0, 0.5, 8.5, 1e-5), ["privacy"]),
        (Privacy(1.0, 0.5, 8.0, 1e-5), []),
    ):
        update = hospital.update(privacy=privacy)
        assert codes_of(hospital.case(strict, update), update) == codes
        assert codes_of(hospital.case(card, update), update) == []


def test_codes_are_unique_and_ordered_as_the_protocol_says():
    codes = [code for code, _ in checks.CHECKS]
    assert len(codes) == len(set(codes))
    order = (
        "signature",
        "digest",
        "round",
        "bits",
        "lane-root",
        "norm",
        "privacy",
    )
    assert sorted(order, key=codes.index) == list(order)
