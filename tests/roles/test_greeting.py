"""Only the holder of a registered signer key can be that node."""

import pytest
from tests.support.world import World

from collegium.errors import BadSignature
from collegium.roles import greeting

PEER = 7


def introduce(world: World, number: int, asked: bytes, peer: int = PEER) -> bytes:
    return greeting.introduce(world.node(number), asked, peer)


def test_a_node_proves_who_it_is(world: World) -> None:
    asked = greeting.challenge()
    signature = introduce(world, 2, asked)
    greeting.verify(world.domain, world.view(), 2, asked, PEER, signature)


def test_nobody_is_somebody_else(world: World) -> None:
    asked = greeting.challenge()
    with pytest.raises(BadSignature):
        greeting.verify(world.domain, world.view(), 3, asked, PEER, introduce(world, 2, asked))


@pytest.mark.parametrize("number", [0, 6, -1])
def test_nobody_is_a_node_that_does_not_exist(world: World, number: int) -> None:
    asked = greeting.challenge()
    with pytest.raises(BadSignature, match="id of a registered node"):
        greeting.verify(world.domain, world.view(), number, asked, PEER, introduce(world, 2, asked))


def test_an_old_introduction_is_worth_nothing(world: World) -> None:
    signature = introduce(world, 2, greeting.challenge())
    with pytest.raises(BadSignature):
        greeting.verify(world.domain, world.view(), 2, greeting.challenge(), PEER, signature)


def test_an_introduction_cannot_be_passed_on(world: World) -> None:
    """Who sits between server and node cannot present the node's signature as its own."""
    asked = greeting.challenge()
    signature = introduce(world, 2, asked, peer=8)
    with pytest.raises(BadSignature):
        greeting.verify(world.domain, world.view(), 2, asked, PEER, signature)


def test_a_node_signs_nothing_but_challenges(world: World) -> None:
    with pytest.raises(BadSignature, match="32 bytes"):
        introduce(world, 2, b"\x19\x01" + bytes(64))
