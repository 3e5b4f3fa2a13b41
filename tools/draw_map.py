"""Draws ``docs/map.svg``: the rooms of the code and how they import each other.

    python -m tools.draw_map

The arrows are read from the imports. One that follows from others (a to b and b to c give a to c)
is left out, so that the picture stays readable.
"""

from pathlib import Path

from tests.test_layering import FLOORS, GRAPH, MODULES, room

TARGET = Path(__file__).parents[1] / "docs" / "map.svg"
CAPTIONS = {
    "cli": "commands",
    "console": "web pages",
    "lab": "demonstration, attacks",
    "flower": "the seams into Flower",
    "queries": "what screens show",
    "roles": "node, validator, coordinator",
    "consortium": "create, join, leave",
    "evidence": "collect and export",
    "workspace": "folders, keys, wallets",
    "audit": "judges a bundle, offline",
    "tasks": "what is trained",
    "planning": "bits and energy",
    "chain": "clients and local chains",
    "store": "blobs by digest",
    "protocol": "formats, rules, state machine",
    "collegium_incentives": "contribution and groups",
    "errors": "numbered errors",
}
"""Rooms in the order in which a floor shows them, and what is in each."""

BOX, HIGH, GAP, STOREY, LEFT, TOP = 206, 50, 22, 106, 24, 16
STYLE = """
  text { font-family: system-ui, sans-serif; fill: #1f2933; text-anchor: middle }
  .name { font-size: 15px; font-weight: 600 }
  .what { font-size: 12px; fill: #52606d }
  rect { fill: #f0f4f8; stroke: #829ab1; rx: 6px }
  path { fill: none; stroke: #829ab1; stroke-width: 1.3; marker-end: url(#tip) }
"""

Point = tuple[float, float]


def edges() -> set[tuple[str, str]]:
    """Which room imports which, without those that follow from others."""
    below: dict[str, set[str]] = {name: set() for name in CAPTIONS}
    for name, others in GRAPH.items():
        if room(name) in below:
            below[room(name)] |= {room(other) for other in others} & CAPTIONS.keys() - {room(name)}

    def reach(name: str) -> set[str]:
        return below[name].union(*map(reach, below[name]))

    return {
        (upper, lower)
        for upper, lowers in below.items()
        for lower in lowers
        if not any(lower in reach(other) for other in lowers - {lower})
    }


def places() -> dict[str, Point]:
    """Left upper corner of every room that exists."""
    existing = {room(name) for name in MODULES}
    found: dict[str, Point] = {}
    widest = max(len(floor) for floor in FLOORS)
    for number, floor in enumerate(FLOORS):
        rooms = [name for name in CAPTIONS if name in floor & existing]
        shift = (widest - len(rooms)) * (BOX + GAP) / 2
        for column, name in enumerate(rooms):
            found[name] = (LEFT + shift + column * (BOX + GAP), TOP + number * STOREY)
    return found


def spread(count: int) -> list[float]:
    """Where on the edge of a box ``count`` arrows begin or end."""
    return [BOX * (index + 1) / (count + 1) for index in range(count)]


def draw() -> str:
    """The picture."""
    at = places()
    wide = max(x for x, _ in at.values()) + BOX + LEFT
    high = max(y for _, y in at.values()) + HIGH + TOP
    arrows = edges()
    short = {edge for edge in arrows if at[edge[1]][1] - at[edge[0]][1] <= STOREY}
    parts = _short_arrows(at, short)
    parts += [_long_arrow(at[upper], at[lower], wide) for upper, lower in sorted(arrows - short)]
    parts += [_box(name, *at[name]) for name in at]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {high:.0f}">\n'
        f"<title>Rooms of the code; arrows are imports</title>\n<style>{STYLE}</style>\n"
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" '
        'style="fill:#829ab1;stroke:none"/></marker></defs>\n'
    )
    return head + "\n".join(parts) + "\n</svg>\n"


def _short_arrows(at: dict[str, Point], arrows: set[tuple[str, str]]) -> list[str]:
    """Arrows to the next floor, side by side on the edges of their boxes."""
    starts: dict[tuple[str, str], Point] = {}
    ends: dict[tuple[str, str], Point] = {}
    for name, (x, y) in at.items():
        leaving = sorted((e for e in arrows if e[0] == name), key=lambda e: at[e[1]])
        coming = sorted((e for e in arrows if e[1] == name), key=lambda e: at[e[0]])
        starts |= {e: (x + d, y + HIGH) for e, d in zip(leaving, spread(len(leaving)), strict=True)}
        ends |= {e: (x + d, y - 2) for e, d in zip(coming, spread(len(coming)), strict=True)}
    bend = (STOREY - HIGH) * 0.6
    return [_curve(starts[edge], ends[edge], bend) for edge in sorted(arrows)]


def _curve(start: Point, end: Point, bend: float) -> str:
    (x1, y1), (x2, y2) = start, end
    points = (x1, y1 + bend), (x2, y2 - bend), (x2, y2)
    curve = " ".join(f"{x:.0f} {y:.0f}" for x, y in points)
    return f'<path d="M{x1:.0f} {y1:.0f}C{curve}"/>'


def _long_arrow(start: Point, end: Point, wide: float) -> str:
    """An arrow past other floors, outside of their boxes."""
    right = end[0] > start[0] and end[0] + BOX / 2 > wide / 2
    side = BOX if right else 0
    x1, y1, y2 = start[0] + side, start[1] + HIGH / 2, end[1] + HIGH / 2
    if right and end[0] > x1:
        x2 = end[0] + BOX * 0.75
        corner = f"Q{x2:.0f} {y1:.0f} {x2:.0f} {y1 + 40:.0f}"
        return f'<path d="M{x1:.0f} {y1:.0f}H{x2 - 40:.0f}{corner}V{end[1] - 2:.0f}"/>'
    lane = wide - 8 if right else 8
    turn = -16 if right else 16
    return (
        f'<path d="M{x1:.0f} {y1:.0f}H{lane + turn:.0f}'
        f"Q{lane:.0f} {y1:.0f} {lane:.0f} {y1 + 16:.0f}"
        f'V{y2 - 16:.0f}Q{lane:.0f} {y2:.0f} {lane + turn:.0f} {y2:.0f}H{end[0] + side - 2:.0f}"/>'
    )


def _box(name: str, x: float, y: float) -> str:
    middle = x + BOX / 2
    return (
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{BOX}" height="{HIGH}"/>'
        f'<text class="name" x="{middle:.0f}" y="{y + 21:.0f}">{name}</text>'
        f'<text class="what" x="{middle:.0f}" y="{y + 39:.0f}">{CAPTIONS[name]}</text>'
    )


if __name__ == "__main__":
    TARGET.write_text(draw())
    print(f"wrote {TARGET}")
