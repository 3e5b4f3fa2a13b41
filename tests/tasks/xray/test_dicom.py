"""DICOM files of every kind, made here: read as they are meant to be seen."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from collegium.errors import UnreadableImage
from collegium.tasks.xray import dicom
from collegium.tasks.xray.pictures import examine, read_image

from .test_images import EIGHT, GREY, HEIGHT, WIDTH, close

pydicom = pytest.importorskip("pydicom")
from pydicom import uid  # noqa: E402

TWELVE = np.rint(4_095 * GREY).astype(np.uint16)


def write(path: Path, pixels: np.ndarray[Any, Any], *, bits: int = 12, **tags: Any) -> Any:
    """A computed radiograph, uncompressed; ``tags`` by keyword replace what is there."""
    data = pydicom.Dataset()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = tags.pop("syntax", uid.ExplicitVRLittleEndian)
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = uid.ComputedRadiographyImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = uid.generate_uid("1.2.3.")
    data.Rows, data.Columns = pixels.shape[:2]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = 8 * pixels.dtype.itemsize
    data.BitsStored, data.HighBit = bits, bits - 1
    data.PixelRepresentation = int(pixels.dtype.kind == "i")
    data.PixelData = pixels.tobytes()
    data["PixelData"].VR = "OW" if pixels.dtype.itemsize == 2 else "OB"
    for name, value in tags.items():
        if value is None:
            delattr(data, name)
        else:
            setattr(data, name, value)
    pydicom.dcmwrite(path, data, enforce_file_format=True)
    return data


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.dcm"


def test_without_a_window(path: Path) -> None:
    write(path, TWELVE, ViewPosition="LL")
    found, facts = examine(path)
    assert close(found)
    assert (facts["format"], facts["bits_stored"], facts["view"]) == ("DICOM", 12, "LL")
    assert facts["window_from"] == "percentiles"


def test_white_is_zero(path: Path) -> None:
    write(path, 4_095 - TWELVE, PhotometricInterpretation="MONOCHROME1")
    assert close(read_image(path))


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", None])
def test_the_file_s_own_window(path: Path, function: str | None) -> None:
    """Half of the range is shown; what is outside is black or white."""
    tags: dict[str, Any] = {"WindowCenter": [2_048, 9], "WindowWidth": [2_048, 9]}
    write(path, TWELVE, **tags, **({"VOILUTFunction": function} if function else {}))
    found, facts = examine(path)
    wanted = np.clip((TWELVE - 1_024.0) / 2_048, 0, 1)
    assert np.abs(found / 255 - wanted).max() < 0.01
    assert facts["window"] == pytest.approx((1_024, 3_072), abs=1)


def test_a_sigmoid_window(path: Path) -> None:
    write(path, TWELVE, WindowCenter=2_000, WindowWidth=1_000, VOILUTFunction="SIGMOID")
    wanted = 1 / (1 + np.exp(-4 * (TWELVE - 2_000.0) / 1_000))
    assert np.abs(read_image(path) / 255 - wanted).max() < 0.01


def test_a_window_is_in_rescaled_values(path: Path) -> None:
    write(
        path, TWELVE, RescaleSlope=2, RescaleIntercept=-1_000,
        WindowCenter=3_095.5, WindowWidth=8_190,
    )  # fmt: skip
    assert np.abs(read_image(path) / 255 - GREY).max() < 0.01


def test_a_negative_slope_turns_the_polarity(path: Path) -> None:
    write(path, 4_095 - TWELVE, RescaleSlope=-1, RescaleIntercept=4_095)
    assert close(read_image(path))


def test_a_lookup_table_goes_before_a_window(path: Path) -> None:
    table = pydicom.Dataset()
    entries = np.arange(4_096, dtype=np.uint16)[::-1]
    table.LUTDescriptor, table.LUTData = [4_096, 0, 12], entries.tobytes()
    write(
        path, TWELVE, VOILUTSequence=[table], WindowCenter=1, WindowWidth=2,
        PhotometricInterpretation="MONOCHROME1",
    )  # fmt: skip
    found, facts = examine(path)
    assert np.abs(found.astype(int) - EIGHT).max() <= 1 and "LUT" in facts["window_from"]


@pytest.mark.parametrize("signed", [False, True])
def test_padding_is_black_and_sets_no_window(path: Path, signed: bool) -> None:
    values = (200 + 100 * GREY - (500 if signed else 0)).astype(np.int16 if signed else np.uint16)
    padding = -2_000 if signed else 4_000
    values[:, -2:] = padding
    write(path, values, PixelPaddingValue=padding)
    found = read_image(path)
    assert close(found) and found[:, -2:].max() == 0
    values = values.max() + values.min() - values if not signed else values
    if not signed:
        values[:, -2:] = padding
        write(path, values, PixelPaddingValue=padding, PhotometricInterpretation="MONOCHROME1")
        assert read_image(path)[:, -2:].max() == 0, "padding is black in a negative, too"


def test_a_range_of_padding(path: Path) -> None:
    values = (200 + 100 * GREY).astype(np.uint16)
    values[:, -2], values[:, -1] = 3_990, 4_000
    write(path, values, PixelPaddingValue=4_000, PixelPaddingRangeLimit=3_980)
    found = read_image(path)
    assert close(found) and found[:, -2:].max() == 0


def test_signed_pixels(path: Path) -> None:
    write(path, (TWELVE.astype(np.int32) - 2_048).astype(np.int16))
    assert close(read_image(path))


def test_bits_that_are_not_stored_are_ignored(path: Path) -> None:
    """Overlays were kept there once."""
    dirty = TWELVE | np.uint16(0x8000)
    write(path, dirty)
    assert close(read_image(path))


@pytest.mark.parametrize("top", [255, 65_535])
def test_eight_and_sixteen_bits(path: Path, top: int) -> None:
    pixels = np.rint(top * GREY).astype(np.uint8 if top == 255 else np.uint16)
    write(path, pixels, bits=8 * pixels.dtype.itemsize)
    assert close(read_image(path))


@pytest.mark.parametrize("syntax", [uid.ImplicitVRLittleEndian, uid.DeflatedExplicitVRLittleEndian])
def test_uncompressed_syntaxes(path: Path, syntax: str) -> None:
    write(path, TWELVE, syntax=syntax)
    assert close(read_image(path))


@pytest.mark.parametrize(
    "syntax", [uid.RLELossless, uid.JPEGLSLossless, uid.JPEG2000Lossless], ids=str
)
def test_compressed_syntaxes(path: Path, syntax: Any) -> None:
    data = write(path, TWELVE)
    data.compress(syntax, generate_instance_uid=False)
    pydicom.dcmwrite(path, data, enforce_file_format=True)
    found, facts = examine(path)
    assert close(found) and facts["transfer_syntax"] == syntax.name


@pytest.mark.parametrize("lossless", [False, True])
def test_jpeg(path: Path, tmp_path: Path, lossless: bool) -> None:
    """Baseline by Pillow; lossless (process 14), which most archives have, by GDCM."""
    if not lossless:
        from PIL import Image
        from pydicom.encaps import encapsulate

        Image.fromarray(EIGHT).save(tmp_path / "x.jpg", quality=95)
        frame = (tmp_path / "x.jpg").read_bytes()
        data = write(path, EIGHT, bits=8)
        data.file_meta.TransferSyntaxUID = uid.JPEGBaseline8Bit
        data.PixelData = encapsulate([frame])
        data["PixelData"].is_undefined_length = True
        pydicom.dcmwrite(path, data, enforce_file_format=True)
    else:
        gdcm = pytest.importorskip("gdcm")
        write(path, TWELVE)
        reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), None
        reader.SetFileName(str(path))
        assert reader.Read()
        change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer = gdcm.ImageWriter()
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        writer.SetFileName(str(path))
        assert writer.Write()
    assert close(read_image(path))


def test_colours_become_grey(path: Path) -> None:
    colours = np.repeat(EIGHT[:, :, None], 3, axis=2)
    write(
        path, colours, bits=8, SamplesPerPixel=3, PhotometricInterpretation="RGB",
        PlanarConfiguration=0,
    )  # fmt: skip
    assert close(read_image(path))


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ({"PixelData": None}, "no pixel data"),
        ({"NumberOfFrames": 2}, "2 pictures in one file"),
        ({"Rows": 60_000, "Columns": 60_000}, "60,000 x 60,000 pixels"),
        ({"Rows": 0}, "pixels"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "PALETTE COLOR"),
        ({"Rows": HEIGHT * 2}, ""),
        ({"VOILUTFunction": "CURVED", "WindowCenter": 1, "WindowWidth": 9}, "CURVED"),
        ({"BitsStored": 40}, ""),
        ({"HighBit": 15}, "12 bits stored, of which the highest is bit 15"),
        ({"PixelData": 2 * TWELVE.tobytes()}, "more than one picture"),
    ],
)
def test_what_cannot_be_read_is_refused(path: Path, tags: dict[str, Any], found: str) -> None:
    write(path, TWELVE, **tags)
    with pytest.raises(UnreadableImage) as caught:
        read_image(path)
    assert found in caught.value.found


@pytest.mark.parametrize("syntax", [uid.JPEGLSLossless, uid.JPEG2000Lossless], ids=str)
def test_a_compressed_picture_of_another_size_is_refused_before_it_is_decoded(
    path: Path, syntax: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Decoders allocate the size inside, which nothing else bounds."""
    import pydicom.pixels.utils

    data = write(path, np.zeros((500, 500), np.uint16))
    data.compress(syntax, generate_instance_uid=False)
    data.Rows, data.Columns = HEIGHT, WIDTH
    pydicom.dcmwrite(path, data, enforce_file_format=True)
    monkeypatch.setattr(pydicom.pixels.utils, "pixel_array", lambda data: pytest.fail("decoded"))
    with pytest.raises(UnreadableImage) as caught:
        read_image(path)
    assert caught.value.found.endswith(f"{WIDTH} x {HEIGHT} pixels, compressed as (500, 500)")


def test_a_small_file_that_inflates_beyond_the_bound_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before pydicom inflates all of it."""
    monkeypatch.setattr(dicom, "MAX_FILE_BYTES", 1_000_000)
    write(path, TWELVE, syntax=uid.DeflatedExplicitVRLittleEndian, PixelData=bytes(1_100_000))
    assert path.stat().st_size < 10_000
    with pytest.raises(UnreadableImage) as caught:
        read_image(path)
    assert caught.value.found == "ValueError: more than 1,000,000 bytes when inflated"


def test_a_damaged_file_is_a_numbered_error(path: Path) -> None:
    write(path, TWELVE, WindowCenter=2_048, WindowWidth=2_048, PixelPaddingValue=0)
    data, rng = np.frombuffer(path.read_bytes(), np.uint8), np.random.default_rng(2)
    header = len(data) - 2 * HEIGHT * WIDTH
    for _ in range(300):
        broken = data.copy()
        broken[rng.integers(132, header, 3)] = rng.integers(0, 256, 3)
        path.write_bytes(broken[: int(rng.integers(133, len(data) + 1))].tobytes())
        try:
            assert read_image(path).dtype == np.uint8
        except UnreadableImage as error:
            assert error.code == "CG102"


def test_without_the_package_it_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(path, TWELVE)
    monkeypatch.setattr(dicom, "find_spec", lambda name: None)
    with pytest.raises(UnreadableImage, match=r"collegium\[dicom\]"):
        read_image(path)
