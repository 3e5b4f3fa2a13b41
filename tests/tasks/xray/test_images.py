"""A radiograph is read as it is meant to be seen, whatever the file: golden files of every kind.

One picture is written in many ways: a body in grey, a bright heart on one side and a marker in one
corner. Read back, each has to look the same: upright, not mirrored, white where it was white.
"""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image, TiffImagePlugin
from PIL.PngImagePlugin import PngInfo

from collegium.errors import UnreadableImage
from collegium.tasks.xray.pictures import examine, read_image

HEIGHT, WIDTH = 60, 40


def phantom() -> np.ndarray[Any, Any]:
    """Grey values from 0 to 1; every orientation and polarity looks different."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    grey = 0.25 + 0.3 * rows / HEIGHT + 0.1 * columns / WIDTH
    grey[25:50, 22:36] = 0.9  # the heart
    grey[2:8, 3:9] = 1.0  # the marker
    grey[:, -2:] = 0.0  # the collimator
    return grey


GREY = phantom()
EIGHT = np.rint(255 * GREY).astype(np.uint8)


def close(found: np.ndarray[Any, Any], tolerance: float = 0.12) -> bool:
    """Whether pixels show the phantom, whatever the window of the file."""
    if found.shape != GREY.shape:
        return False
    inner = (GREY > 0) & (GREY < 1)
    low, high = GREY[inner].min(), GREY[inner].max()
    wanted = np.clip((GREY - low) / (high - low), 0, 1)
    seen = found / 255
    plain = np.abs(seen - GREY).mean() < tolerance / 4
    windowed = np.abs(seen - wanted).mean() < tolerance / 4
    return bool(plain or windowed)


def test_the_comparison_tells_orientations_and_polarities_apart() -> None:
    assert close(EIGHT)
    for wrong in (EIGHT[::-1], EIGHT[:, ::-1], EIGHT[::-1, ::-1], 255 - EIGHT, EIGHT.T):
        assert not close(wrong)


# -- ordinary formats ----------------------------------------------------------------------------

STORED = {  # orientation -> how the pixels are stored, so that the tag makes them upright
    1: lambda p: p, 2: lambda p: p[:, ::-1], 3: lambda p: p[::-1, ::-1], 4: lambda p: p[::-1],
    5: lambda p: p.T, 6: lambda p: np.rot90(p), 7: lambda p: np.rot90(p, 2).T,
    8: lambda p: np.rot90(p, -1),
}  # fmt: skip


def test_the_table_of_orientations_is_that_of_the_standard() -> None:
    """Against Pillow's own turning of a picture with the tag."""
    from PIL import ImageOps

    for number in range(1, 9):
        image = Image.fromarray(np.ascontiguousarray(STORED[number](EIGHT)))
        image.getexif()[ExifTags.Base.Orientation] = number
        assert np.array_equal(np.asarray(ImageOps.exif_transpose(image)), EIGHT), number


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize("name", ["x.jpg", "x.png", "x.tif", "deep.png", "deep.tif", "x.webp"])
def test_every_orientation(tmp_path: Path, name: str, number: int) -> None:
    pixels = np.ascontiguousarray(STORED[number](EIGHT))
    if name.startswith("deep"):
        pixels = pixels.astype(np.uint16) * 16
    image, path = Image.fromarray(pixels), tmp_path / name
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = number
    options: dict[str, Any] = {"exif": exif}
    if name.endswith(".tif"):
        options = {"tiffinfo": {ExifTags.Base.Orientation: number}}
    if name.endswith((".jpg", ".webp")):
        options["quality"] = 95
    image.save(path, **options)
    found, facts = examine(path)
    assert close(found) and facts["orientation"] == number


@pytest.mark.parametrize("bits", [1, 8, 16, 32])
@pytest.mark.parametrize("white_is_zero", [False, True])
def test_polarity_of_tiff(tmp_path: Path, bits: int, white_is_zero: bool) -> None:
    top = {1: 1, 8: 255, 16: 4095, 32: 70_000}[bits]
    stored = np.rint(top * (1 - GREY if white_is_zero else GREY))
    path = tmp_path / "x.tif"
    info = TiffImagePlugin.ImageFileDirectory_v2()
    if bits == 1:
        image = Image.fromarray((stored > 0.5).astype(bool))
    else:
        image = Image.fromarray(stored.astype({8: np.uint8, 16: np.uint16, 32: np.int32}[bits]))
    image.save(path, tiffinfo=info)
    _set_photometric(path, 0 if white_is_zero else 1)
    if bits == 32 and white_is_zero:  # Pillow has no reader for it
        with pytest.raises(UnreadableImage):
            read_image(path)
        return
    found = read_image(path)
    if bits == 1:
        clear = np.abs(GREY - 0.5) > 0.01
        assert np.array_equal((found > 128)[clear], (GREY > 0.5)[clear])
    else:
        assert close(found)


@pytest.mark.parametrize("bits", [2, 4, 12])
@pytest.mark.parametrize("white_is_zero", [False, True])
def test_polarity_of_tiff_with_packed_pixels(
    tmp_path: Path, bits: int, white_is_zero: bool
) -> None:
    """Which Pillow reads but does not write."""
    top = 2**bits - 1
    seen = np.rint(top * GREY).astype(np.uint16)
    path = tmp_path / "x.tif"
    path.write_bytes(
        _packed(top - seen if white_is_zero else seen, bits, 0 if white_is_zero else 1)
    )
    if bits == 12 and white_is_zero:  # Pillow has no reader for it
        with pytest.raises(UnreadableImage):
            read_image(path)
        return
    found = read_image(path).astype(np.float64)
    if bits == 12:
        assert close(found.astype(np.uint8))
    else:
        assert np.abs(found / 255 - seen / top).max() < 0.01


def _packed(values: np.ndarray[Any, Any], bits: int, photometric: int) -> bytes:
    """An uncompressed TIFF with the highest bit of a row's first pixel first."""
    height, width = values.shape
    each = (values[..., None] >> np.arange(bits - 1, -1, -1, dtype=np.uint16)) & 1
    data = np.packbits(each.reshape(height, -1).astype(np.uint8), axis=1).tobytes()
    start = 8 + 2 + 12 * 9 + 4
    tags = ((256, width), (257, height), (258, bits), (259, 1), (262, photometric))
    tags += ((273, start), (277, 1), (278, height), (279, len(data)))
    entries = b"".join(struct.pack("<HHII", number, 4, 1, value) for number, value in tags)
    return struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4) + data


def _set_photometric(path: Path, value: int) -> None:
    """Write the tag into the file: Pillow always writes its own choice."""
    data = bytearray(path.read_bytes())
    entry = b"\x06\x01\x03\x00\x01\x00\x00\x00"
    place = data.index(entry) + len(entry)
    data[place : place + 2] = value.to_bytes(2, "little")
    path.write_bytes(bytes(data))


def deep(tmp_path: Path, pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    path = tmp_path / "deep.png"
    Image.fromarray(pixels.astype(np.uint16)).save(path)
    return read_image(path)


@pytest.mark.parametrize("top", [255, 1023, 4095, 65_535])
def test_any_number_of_bits_in_use(tmp_path: Path, top: int) -> None:
    assert close(deep(tmp_path, np.rint(top * GREY)))


def test_one_broken_pixel_does_not_set_the_window(tmp_path: Path) -> None:
    pixels = np.rint(1_000 + 3_000 * GREY)
    pixels[30, 5], pixels[31, 6] = 65_535, 0
    assert close(deep(tmp_path, pixels))


def test_nor_do_padding_and_a_burnt_in_marker(tmp_path: Path) -> None:
    pixels = np.rint(10_000 + 2_000 * GREY)
    pixels[:, -2:], pixels[2:8, 3:9] = 0, 65_535
    assert close(deep(tmp_path, pixels))


def test_a_flat_picture_is_black(tmp_path: Path) -> None:
    assert deep(tmp_path, np.full((4, 4), 777)).max() == 0
    assert sorted(np.unique(deep(tmp_path, np.array([[5, 9], [9, 5]])))) == [0, 255]


def test_values_that_are_not_finite(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    Image.fromarray(np.full((4, 4), np.nan, np.float32)).save(path)
    with pytest.raises(UnreadableImage, match="finite"):
        read_image(path)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P", "CMYK", "L"])
def test_colours_become_grey(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("x.jpg" if mode == "CMYK" else "x.png")
    image = Image.fromarray(EIGHT)
    (image if mode == "P" else image.convert("RGB")).convert(mode).save(path)
    assert close(read_image(path))


def test_what_is_transparent_is_black(tmp_path: Path) -> None:
    image = Image.fromarray(EIGHT).convert("RGBA")
    alpha = np.full(EIGHT.shape, 255, np.uint8)
    alpha[:10] = 0
    image.putalpha(Image.fromarray(alpha))
    image.save(tmp_path / "x.png")
    found = read_image(tmp_path / "x.png")
    assert found[:10].max() == 0 and found[10:].max() > 200


def test_colours_of_sixteen_bits_are_refused(tmp_path: Path) -> None:
    """Pillow would keep the upper byte: 12 bits in use would become 16 greys."""
    import struct
    import zlib

    from tests.tasks.xray.test_data import chunk

    header = struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + b"\x0f\xff" * 12 for _ in range(4)))
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body)
    (tmp_path / "x.png").write_bytes(data + chunk(b"IEND", b""))
    with pytest.raises(UnreadableImage, match="16 bits"):
        read_image(tmp_path / "x.png")


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "PNG", "WEBP"])
def test_several_pictures_in_one_file(tmp_path: Path, kind: str) -> None:
    pages = [Image.fromarray(EIGHT), Image.fromarray(255 - EIGHT)]
    path = tmp_path / f"x.{kind.lower()}"
    pages[0].save(path, format=kind, save_all=True, append_images=pages[1:])
    with pytest.raises(UnreadableImage, match=r"pictures in one file|none of these formats"):
        read_image(path)


@pytest.mark.parametrize("kind", ["GIF", "ICO", "DDS", "TGA", "PCX", "SGI", "PDF", "EPS"])
def test_other_formats_are_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.png"
    Image.fromarray(EIGHT).convert("RGB").save(path, format=kind)
    with pytest.raises(UnreadableImage, match="JPEG2000"):
        read_image(path)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "JPEG2000", "WEBP", "PPM"])
def test_the_formats_that_are_read(tmp_path: Path, kind: str) -> None:
    options = {"quality": 95} if kind in ("JPEG", "WEBP") else {}
    Image.fromarray(EIGHT).save(tmp_path / "x", format=kind, **options)
    assert close(read_image(tmp_path / "x"))


def test_a_damaged_file_of_any_format_is_a_numbered_error(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for kind in ("PNG", "JPEG", "TIFF", "BMP", "JPEG2000", "WEBP", "PPM"):
        whole = io.BytesIO()
        info = {"pnginfo": PngInfo()} if kind == "PNG" else {}
        Image.fromarray(EIGHT).save(whole, format=kind, **info)
        data = np.frombuffer(whole.getvalue(), np.uint8)
        for _ in range(150):
            broken = data.copy()
            places = rng.integers(0, min(len(broken), 400), 4)
            broken[places] = rng.integers(0, 256, 4)
            cut = int(rng.integers(1, len(broken) + 1))
            (tmp_path / "x").write_bytes(broken[:cut].tobytes())
            try:
                assert read_image(tmp_path / "x").dtype == np.uint8
            except UnreadableImage as error:
                assert error.code == "CG102"
