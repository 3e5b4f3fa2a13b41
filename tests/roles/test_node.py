"""A node opens only on the federation, the card and the layout that were agreed."""

import shutil
from dataclasses import replace

import pytest
from tests.support.world import LAYOUT, World

from collegium.errors import MissingKeys, ModelMismatch, UnregisteredNode, WrongPassphrase
from collegium.roles.node import Node
from collegium.workspace.keyring import Keyring


def test_a_node_knows_who_it_is(world: World) -> None:
    node = world.node(3)
    assert node.id == 3 and node.card == world.card and node.layout == LAYOUT
    assert node.federation.sender.address == node.keys.signer.address
    assert node.domain == world.domain and node.view() == world.view()


def test_another_card_is_refused(world: World) -> None:
    """Whoever can write into the folder cannot loosen the limits."""
    home = world.homes[1]
    loose = replace(world.card, limits=replace(world.card.limits, norm=10**9))
    home.write_settings(home.settings(), loose.encode(), home.layout())
    with pytest.raises(ModelMismatch, match="task card"):
        Node.open(home.path)


def test_another_layout_is_refused(world: World) -> None:
    home = world.homes[1]
    other = replace(LAYOUT, alpha=16)
    home.write_settings(home.settings(), home.card(), other.encode())
    with pytest.raises(ModelMismatch, match="layout"):
        Node.open(home.path)


def test_a_federation_that_it_is_not_in(world: World) -> None:
    other = world.found_another()
    world.configure(1, federation=other.address)
    with pytest.raises(UnregisteredNode, match="no registration"):
        Node.open(world.homes[1].path)


def test_a_wrong_passphrase(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLLEGIUM_PASSPHRASE", "guess")
    with pytest.raises(WrongPassphrase):
        Node.open(world.homes[1].path)


def test_a_folder_with_settings_but_without_keys(world: World) -> None:
    home = world.homes[1]
    shutil.rmtree(home.keys)
    with pytest.raises(MissingKeys):
        Node.open(home.path)
    Keyring.generate(b"new").save(home.keys, "test", iterations=1)
    with pytest.raises(UnregisteredNode):
        Node.open(home.path)
