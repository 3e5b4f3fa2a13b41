"""Procedural chest radiographs: anatomy, findings and scanner styles drawn with numpy alone.

They let anybody try the whole federation without a single patient image: every picture is drawn
from a seed, so a set is reproduced by its arguments. A phantom is no radiograph and nothing
measured on it is a clinical claim.

Coordinates run from 0 to 1 over the image, x to the right and y downwards. The patient faces the
viewer, so the patient's left is on the image's right.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIZE = 64
FINDINGS = ("cardiomegaly", "pneumonia", "effusion", "pneumothorax", "nodule")
SIDES = ("left", "right")

Image = NDArray[np.floating[Any]]

_TOWARDS = {"left": 1.0, "right": -1.0}  # direction of a patient side on the image
_LUNG_OFFSET = 0.215  # horizontal distance of a lung's centre from the spine


@dataclass(frozen=True)
class Study:
    """What one phantom shows: each present finding with the patient side it lies on.

    ``cardiomegaly`` has no side that anybody asks for; it is stored with one all the same, so
    that every finding is handled alike.
    """

    findings: dict[str, str] = field(default_factory=dict)
    diagnosis: str | None = None


@dataclass(frozen=True)
class Style:
    """How a scanner renders intensities; the defaults are a plain, slightly noisy detector."""

    gamma: float = 1.0
    contrast: float = 1.0
    brightness: float = 0.0
    noise: float = 0.02
    blur: int = 0
    detail: int = SIZE  # pixels that the detector resolves along an edge
    zoom: float = 1.0
    grid: float = 0.0  # amplitude of the stripes of an anti-scatter grid
    bias: float = 0.0  # left to right shading
    vignette: float = 0.0
    marker: bool = False


def render(study: Study, style: Style, rng: np.random.Generator) -> Image:
    """Draw a study as a scanner would show it: float32 of shape (SIZE, SIZE) in [0, 1].

    The anatomy (position, width, heart size, texture) varies with ``rng``; only ``study`` decides
    which findings are there.
    """
    return _expose(_Chest(rng, style.zoom).draw(study), style, rng)


class _Chest:
    """One patient's anatomy: the shapes that findings are placed on."""

    def __init__(self, rng: np.random.Generator, zoom: float) -> None:
        self.rng = rng
        rows, columns = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32) / SIZE
        self.x = (columns - 0.5) / zoom + 0.5
        self.y = (rows - 0.5) / zoom + 0.5
        self.dx, self.dy = rng.uniform(-0.03, 0.03, 2)
        self.width = rng.uniform(0.92, 1.08)
        self.lungs = {
            side: self.ellipse(
                self.middle(side), 0.47 + self.dy, 0.165 * self.width, 0.34, 10, 0.10 * towards
            )
            for side, towards in _TOWARDS.items()
        }
        self.texture = _smooth_noise(rng, 16)

    def draw(self, study: Study) -> Image:
        image = self.healthy("cardiomegaly" in study.findings)
        for finding, side in study.findings.items():
            if finding != "cardiomegaly":
                image += getattr(self, finding)(side)
        return np.clip(image, 0, 1).astype(np.float32)

    def middle(self, side: str) -> float:
        middle: float = 0.5 + self.dx + _TOWARDS[side] * _LUNG_OFFSET * self.width
        return middle

    def ellipse(
        self, cx: float, cy: float, rx: float, ry: float, sharpness: float, angle: float = 0.0
    ) -> Image:
        u, v = self.x - cx, self.y - cy
        c, s = np.cos(angle), np.sin(angle)
        radius = np.sqrt(((c * u + s * v) / rx) ** 2 + ((c * v - s * u) / ry) ** 2)
        return _step(1 - radius, sharpness)

    def half(self, side: str) -> Image:
        """1 on the patient's side of the spine, 0 on the other."""
        on_side: Image = (np.sign(self.x - 0.5 - self.dx) == _TOWARDS[side]).astype(np.float32)
        return on_side

    def healthy(self, enlarged_heart: bool) -> Image:
        field_of_lungs = np.clip(self.lungs["left"] + self.lungs["right"], 0, 1)
        image = 0.12 + 0.55 * self.ellipse(0.5 + self.dx, 0.62 + self.dy, 0.52, 0.75, 6)
        image -= 0.42 * field_of_lungs
        image += 0.16 * _step(0.055 - np.abs(self.x - 0.5 - self.dx), 90)  # spine
        image += self.ribs() + 0.035 * self.texture * field_of_lungs
        image += self.heart(enlarged_heart) * (1 - 0.25 * field_of_lungs)
        return image + self.diaphragm()

    def ribs(self) -> Image:
        image = np.zeros((SIZE, SIZE), np.float32)
        for side, towards in _TOWARDS.items():
            u = self.x - self.middle(side)
            for k in range(7):
                arc = 0.18 + self.dy + 0.095 * k + 0.22 * towards * u + 0.9 * u**2
                image += np.exp(-(((self.y - arc) / 0.012) ** 2)) * (np.abs(u) < 0.2)
        return 0.055 * image

    def heart(self, enlarged: bool) -> Image:
        # Cardiothoracic ratio: up to 0.5 is normal.
        ratio = self.rng.uniform(0.60, 0.70) if enlarged else self.rng.uniform(0.40, 0.48)
        shift, extra = (0.03, 0.04) if enlarged else (0.0, 0.0)
        return 0.34 * self.ellipse(
            0.57 + self.dx + shift,
            0.64 + self.dy,
            0.36 * self.width * ratio,
            0.17 + extra,
            14,
            -0.35,
        )

    def diaphragm(self) -> Image:
        image = np.zeros((SIZE, SIZE), np.float32)
        for side, towards in _TOWARDS.items():
            lift = 0.02 if side == "right" else 0.0  # the liver lies below
            u = self.x - 0.5 - self.dx - 0.21 * towards
            dome = 0.80 + self.dy - lift - 0.05 * np.cos(6 * u)
            image += _step(self.y - dome, 60) * self.half(side)
        return 0.22 * image

    def pneumonia(self, side: str) -> Image:
        u = self.rng.uniform
        patch = self.ellipse(
            self.middle(side) + u(-0.04, 0.04),
            u(0.38, 0.62) + self.dy,
            u(0.09, 0.15),
            u(0.10, 0.17),
            4,
        )
        return patch * self.lungs[side] * (0.30 + 0.10 * _smooth_noise(self.rng, 12))

    def effusion(self, side: str) -> Image:
        wall = self.middle(side) + 0.17 * _TOWARDS[side]
        rise = 0.16 * np.clip(1 - np.abs(self.x - wall) / 0.30, 0, 1)  # the meniscus
        level = self.rng.uniform(0.66, 0.78) + self.dy - rise
        cavity = _step(4 * (self.lungs[side] - 0.05), 6)
        return 0.38 * _step(self.y - level, 45) * cavity * self.half(side)

    def pneumothorax(self, side: str) -> Image:
        lung, towards, gap = self.lungs[side], _TOWARDS[side], self.rng.uniform(0.06, 0.09)
        collapsed = self.ellipse(
            self.middle(side) - towards * gap,
            0.50 + self.dy + gap,
            0.15 * self.width,
            0.30,
            14,
            0.1 * towards,
        )
        air = lung * (1 - collapsed)
        pleura = np.exp(-(((collapsed - 0.5) / 0.22) ** 2)) * lung
        change: Image = 0.10 * pleura - (0.17 + 0.035 * self.texture) * air
        return change

    def nodule(self, side: str) -> Image:
        u = self.rng.uniform
        radius = u(0.040, 0.055)
        x, y = self.middle(side) + u(-0.06, 0.06), u(0.28, 0.52) + self.dy
        return 0.30 * self.ellipse(x, y, radius, radius, 9)


def _expose(image: Image, style: Style, rng: np.random.Generator) -> Image:
    rows, columns = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32) / SIZE
    image = (image**style.gamma - 0.5) * style.contrast + 0.5 + style.brightness
    for _ in range(style.blur):
        neighbours = (np.roll(image, step, axis) for axis in (0, 1) for step in (1, -1))
        image = sum(neighbours, image) / 5
    if style.detail < SIZE:
        image = _resample(_resample(image, style.detail), SIZE)
    image = image + style.grid * np.sin(columns * SIZE * np.pi / 2) + style.bias * (columns - 0.5)
    image = image * (1 - 2 * style.vignette * ((columns - 0.5) ** 2 + (rows - 0.5) ** 2))
    image = image + style.noise * rng.standard_normal((SIZE, SIZE), np.float32)
    if style.marker:  # the technician's lead letter, here an L
        image[3:9, 3:6] = 1.0
        image[8:9, 3:9] = 1.0
    return np.clip(image, 0, 1).astype(np.float32)


def _step(value: Image, sharpness: float) -> Image:
    step: Image = 1 / (1 + np.exp(-np.clip(value * sharpness, -30, 30)))
    return step


def _smooth_noise(rng: np.random.Generator, cells: int) -> Image:
    return _resample(rng.standard_normal((cells, cells), np.float32), SIZE)


def _resample(image: Image, size: int) -> Image:
    """Bilinear resampling of a square image to ``size`` pixels along an edge."""
    n = len(image)
    position = np.linspace(0, n - 1, size, dtype=np.float32)
    low = np.clip(position.astype(int), 0, n - 2)
    part = position - low
    tall = image[low] * (1 - part)[:, None] + image[low + 1] * part[:, None]
    resized: Image = tall[:, low] * (1 - part) + tall[:, low + 1] * part
    return resized
