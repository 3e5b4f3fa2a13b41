"""The contract cannot stop two thirds of a committee if no one disputes; the audit shows it."""

from collections.abc import Callable

from tests.support.by_hand import ByHand
from tests.support.offences import altered_lane, propose, sign

from collegium import evidence
from collegium.protocol import state
from collegium.queries import from_audit


def test_an_altered_merge_that_became_final(played: Callable[..., ByHand]) -> None:
    hand = played("settle")
    world, wrong = hand.world, altered_lane(hand)
    propose(hand, wrong)
    sign(hand, state.root(wrong), *hand.view.committee)
    hand.finish()
    assert world.federation.state_root() == state.root(wrong)

    for document in (world.card.encode(), world.homes[1].layout()):
        world.store.put(document)
    source = evidence.from_chain(world.chain.spec, world.federation.address, world.folder / "store")
    result = evidence.audit(source.with_keys(*(home.path for home in world.homes.values())))
    found = [(finding.code, finding.record) for finding in result.findings]
    assert found == [("merge", "final state of round 1")]
    assert from_audit.rounds(result)[0].merge == "wrong"
