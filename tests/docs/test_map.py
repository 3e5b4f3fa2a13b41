"""The map in docs/architecture.md shows the imports as they are, and every room is described."""

from tests.test_layering import MODULES, room
from tools.draw_map import CAPTIONS, TARGET, draw

from .lines import ROOT


def test_the_map_is_drawn_from_the_present_imports() -> None:
    assert TARGET.read_text() == draw(), "draw it again: python -m tools.draw_map"


def test_every_room_is_on_the_map_and_in_the_table() -> None:
    rooms = {room(name) for name in MODULES} - {"collegium"}
    assert rooms <= CAPTIONS.keys()
    text = (ROOT / "docs" / "architecture.md").read_text()
    assert all(f"`{name}`" in text or f"/{name}`" in text for name in rooms)
