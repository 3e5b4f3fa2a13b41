"""Each reader opens, decodes and compares each update once a step."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.support.by_hand import ByHand

from collegium.protocol import checks, similarity, state
from collegium.protocol.container import encode_state
from collegium.roles import aggregator, inbox, validator

UPDATES, MEMBERS = 5, 3


class Counts:
    """How often something was called."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.decoded = self.unsealed = self.grams = 0
        self._watch(monkeypatch, checks, "decode_update", "decoded")
        self._watch(monkeypatch, inbox, "open_sealed", "unsealed")
        self._watch(monkeypatch, similarity, "_gram", "grams")

    def _watch(self, monkeypatch: pytest.MonkeyPatch, where: Any, name: str, counter: str) -> None:
        real = getattr(where, name)

        def counted(*args: Any) -> Any:
            setattr(self, counter, getattr(self, counter) + 1)
            return real(*args)

        monkeypatch.setattr(where, name, counted)

    @property
    def found(self) -> tuple[int, int, int]:
        return self.decoded, self.unsealed, self.grams


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counts:
    return Counts(monkeypatch)


def test_a_vote_decodes_each_update_once_and_compares_all_at_once(
    played: Callable[..., ByHand], counts: Counts
) -> None:
    hand = played("deliver")
    counts.decoded = counts.unsealed = counts.grams = 0
    hand.vote()
    own = sum(number in {u.node for u in hand.view.updates} for number in hand.view.committee)
    assert counts.found == (UPDATES * MEMBERS, UPDATES * MEMBERS - own, MEMBERS)


def test_a_merge_and_an_attestation_decode_each_update_once(
    played: Callable[..., ByHand], counts: Counts
) -> None:
    hand = played("settle")
    counts.decoded = counts.grams = 0
    hand.propose()
    assert (counts.decoded, counts.grams) == (UPDATES, 0)
    hand.attest()
    assert (counts.decoded, counts.grams) == (UPDATES + UPDATES * MEMBERS, 0)


def test_proving_a_merge_wrong_decodes_each_update_once(
    played: Callable[..., ByHand], counts: Counts
) -> None:
    hand = played("settle")
    node = hand.nodes[hand.view.aggregator]
    wrong = aggregator.merged(node, hand.view, hand.file, hand.envelopes)
    wrong[3] -= 1
    node.federation.propose_merge(1, state.root(wrong))
    judge = hand.nodes[next(n for n in hand.view.committee if n != node.id)]
    counts.decoded = 0
    found = validator.judge(judge, hand.view, None, {}, encode_state(wrong))
    assert found.dispute is not None and counts.decoded == UPDATES
