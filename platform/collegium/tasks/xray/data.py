"""A hospital's examples: images beside a ``metadata.jsonl``, read once and bounded.

The folder form is Hugging Face's ImageFolder. Every metadata line names an image, a question and
its answer; several lines may share an image. ``patient`` groups images of one person, so that
nobody is split over training and testing; ``question_type`` groups questions in reports.

Files come from outside: sizes are checked before anything is decoded or allocated.
"""

import hashlib
import json
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from collegium.errors import BadMetadata, EmptySite, MissingMetadata, UnreadableImage

METADATA = "metadata.jsonl"
MAX_PIXELS = 50_000_000  # a full-field digital radiograph has 9 to 20 million
MAX_FILE_BYTES = 200_000_000
MAX_METADATA_BYTES = 64_000_000
MAX_LINE = 16_384
MAX_TEXT = 2_000  # characters of a question or an answer
MAX_EDGE = 1_024  # longer images are reduced on reading; no model here looks at more

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Example:
    """One question on one image, with the answer that is held to be right."""

    image: str  # key into ``Dataset.images``
    question: str
    answer: str
    kind: str  # question type; results are reported per kind
    patient: str

    @property
    def stratum(self) -> tuple[str, str]:
        """What balanced draws are balanced over."""
        return (self.question, self.answer)


@dataclass(frozen=True)
class Dataset:
    """Examples with their decoded images: uint8 arrays of shape (height, width)."""

    name: str
    examples: tuple[Example, ...]
    images: dict[str, Pixels] = field(repr=False)

    def __len__(self) -> int:
        return len(self.examples)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over all lines and pixels, independent of their order and of file names."""
        pixels = {
            key: _sha(image.tobytes(), str(image.shape)) for key, image in self.images.items()
        }
        lines = (
            json.dumps([pixels[e.image], e.question, e.answer, e.kind, e.patient])
            for e in self.examples
        )
        return _sha("\n".join(sorted(lines)).encode())

    def split(self, share: float, salt: str = "held-out") -> tuple["Dataset", "Dataset"]:
        """Two parts that share no patient: the rest, and about ``share`` of the examples.

        The choice depends on patients and ``salt`` alone, not on the order of lines. Both parts
        are non-empty as long as there are two patients and ``0 < share < 1``.
        """
        groups = self._by(lambda e: e.patient)
        order = sorted(groups, key=lambda patient: _sha(patient.encode(), salt))
        taken: set[str] = set()
        count = 0
        for patient in order[:-1]:
            if count >= share * len(self):
                break
            taken.add(patient)
            count += len(groups[patient])
        return (
            self._where(lambda e: e.patient not in taken),
            self._where(lambda e: e.patient in taken),
        )

    def balanced(self, rows: int, seed: int) -> "Dataset":
        """At most ``rows`` examples, as evenly as there are over (question, answer).

        Questions of one kind share that kind's part of the rows, so a kind with many questions
        does not crowd out the others.
        """
        rng = np.random.default_rng(seed)
        kinds = self._by(lambda e: e.kind)
        queues = [_alternate(kinds[kind], rng) for kind in sorted(kinds)]
        chosen = list(_round_robin(queues))[:rows]
        return self._with(chosen)

    def sampled(self, rows: int, seed: int) -> "Dataset":
        """``rows`` examples (or all) in the proportions of the set: every k-th, sorted by answer.

        Another seed takes other examples of the same questions and answers.
        """
        rng = np.random.default_rng(seed)
        shuffled = [self.examples[i] for i in rng.permutation(len(self))]
        ordered = sorted(shuffled, key=lambda e: (e.kind, *e.stratum))
        step = len(ordered) / max(rows, 1)
        if step <= 1:
            return self
        start = rng.uniform(0, step)
        return self._with([ordered[int(start + k * step)] for k in range(rows)])

    def limited(self, images: int, salt: str = "limit") -> "Dataset":
        """The part on at most ``images`` images, chosen by the hash of their names."""
        order = sorted(self.images, key=lambda key: _sha(key.encode(), salt))
        kept = set(order[:images])
        return self._where(lambda e: e.image in kept)

    def renamed(self, name: str) -> "Dataset":
        return replace(self, name=name)

    def _by(self, key: Callable[[Example], str]) -> dict[str, list[Example]]:
        groups: dict[str, list[Example]] = defaultdict(list)
        for example in self.examples:
            groups[key(example)].append(example)
        return groups

    def _where(self, keep: Callable[[Example], bool]) -> "Dataset":
        return self._with([e for e in self.examples if keep(e)])

    def _with(self, examples: Sequence[Example]) -> "Dataset":
        used = {e.image for e in examples}
        images = {key: image for key, image in self.images.items() if key in used}
        return Dataset(self.name, tuple(examples), images)


def join(datasets: Sequence[Dataset], name: str = "joined") -> Dataset:
    """All examples of several datasets; equal file names at two sites stay apart."""
    examples: list[Example] = []
    images: dict[str, Pixels] = {}
    for number, dataset in enumerate(datasets):
        prefix = f"{number}/{dataset.name}/"
        images |= {prefix + key: image for key, image in dataset.images.items()}
        examples += [
            replace(e, image=prefix + e.image, patient=prefix + e.patient) for e in dataset.examples
        ]
    return Dataset(name, tuple(examples), images)


def read_folder(folder: Path | str, limit: int | None = None) -> Dataset:
    """Read an ImageFolder with ``metadata.jsonl``.

    Args:
        folder: the folder; image paths in the metadata are relative to it and must stay inside.
        limit: read at most so many metadata lines.

    Raises:
        MissingMetadata: no such folder, or no ``metadata.jsonl`` in it.
        BadMetadata: a line is not an object with ``file_name``, ``question`` and ``answer``.
        UnreadableImage: an image is missing, too large, or not an image.
        EmptySite: there is no line at all.
    """
    folder = Path(folder)
    examples = list(_read_lines(folder, limit))
    if not examples:
        raise EmptySite(
            expected=f"at least one line in {folder / METADATA}",
            found="none",
            action="Add one JSON line for each question on each image.",
        )
    files = dict.fromkeys(e.image for e in examples)
    return Dataset(
        folder.name, tuple(examples), {name: read_image(folder / name) for name in files}
    )


def read_image(path: Path | str) -> Pixels:
    """Decode one image to grey values, uint8 of shape (height, width), at most MAX_EDGE an edge.

    Pictures with more than 8 bits per pixel are windowed from their darkest to their lightest
    value, as radiographs are usually exported with 12 of 16 bits in use.

    Raises:
        UnreadableImage: missing, too large in bytes or pixels, or not decodable.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise _image_error(path, f"{path.stat().st_size:,} bytes")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the bound is ours
            with Image.open(path) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    raise _image_error(path, f"{width:,} x {height:,} pixels")
                return _grey(image)
    except Image.DecompressionBombError as error:
        raise _image_error(path, str(error)) from error
    except UnidentifiedImageError as error:
        raise _image_error(path, "a file that is no image") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise _image_error(path, f"{type(error).__name__}: {error}") from error


def _grey(image: Image.Image) -> Pixels:
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, dtype=np.float64)
        low, high = float(values.min()), float(values.max())
        if not np.isfinite(high - low):
            raise ValueError("pixel values that are not finite")
        window = (values - low) / (high - low) if high > low else np.zeros_like(values)
        image = Image.fromarray(np.rint(255 * window).astype(np.uint8))
    image = image.convert("L")
    if max(image.size) > MAX_EDGE:
        image.thumbnail((MAX_EDGE, MAX_EDGE), Image.Resampling.LANCZOS)
    return np.asarray(image)


def _image_error(path: Path, found: str) -> UnreadableImage:
    return UnreadableImage(
        expected=f"an image of at most {MAX_PIXELS:,} pixels, {MAX_FILE_BYTES:,} bytes: {path}",
        found=found,
        action="Export the image again as PNG or JPEG, or remove its lines from the metadata.",
    )


def _read_lines(folder: Path, limit: int | None) -> Iterator[Example]:
    path = folder / METADATA
    if not path.is_file():
        raise MissingMetadata(
            expected=f"a file {path}",
            found="no such file" if folder.is_dir() else "no such folder",
            action="Put a metadata.jsonl beside the images: one JSON object per line with "
            '"file_name", "question" and "answer".',
        )
    if path.stat().st_size > MAX_METADATA_BYTES:
        raise _line_error(path, 0, f"{path.stat().st_size:,} bytes")
    seen = 0
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if limit is not None and seen >= limit:
                return
            if line.strip():
                seen += 1
                yield _parse(folder, path, number, line)


def _parse(folder: Path, path: Path, number: int, line: bytes) -> Example:
    if len(line) > MAX_LINE:
        raise _line_error(path, number, f"{len(line):,} bytes")
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _line_error(path, number, f"invalid JSON ({error})") from error
    if not isinstance(fields, dict):
        raise _line_error(path, number, f"a JSON {type(fields).__name__}")
    texts = {key: _text(path, number, fields, key) for key in ("file_name", "question", "answer")}
    file_name = _inside(folder, path, number, texts["file_name"])
    kind = _optional(path, number, fields, "question_type")
    return Example(
        image=file_name,
        question=texts["question"],
        answer=texts["answer"],
        kind=kind or ("yes/no" if is_yes_no(texts["answer"]) else "open"),
        patient=_optional(path, number, fields, "patient") or file_name,
    )


def is_yes_no(answer: str) -> bool:
    return answer.strip().casefold() in ("yes", "no")


def _text(path: Path, number: int, fields: dict[str, object], key: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_TEXT:
        found = f'"{key}" missing' if key not in fields else f'"{key}": {str(value)[:60]!r}'
        raise _line_error(path, number, found)
    return value.strip()


def _optional(path: Path, number: int, fields: dict[str, object], key: str) -> str | None:
    if fields.get(key) is None:
        return None
    return _text(path, number, fields, key)


def _inside(folder: Path, path: Path, number: int, name: str) -> str:
    try:
        resolved = (folder / name).resolve()
    except (OSError, ValueError) as error:
        raise _line_error(path, number, f"file_name {name!r} ({error})") from error
    if not resolved.is_relative_to(folder.resolve()):
        raise _line_error(path, number, f"file_name {name!r}, which leaves the folder")
    return name


def _line_error(path: Path, number: int, found: str) -> BadMetadata:
    return BadMetadata(
        expected=f'a JSON object with texts "file_name" (inside the folder), "question" and '
        f'"answer" of at most {MAX_TEXT:,} characters',
        found=f"{found} at {path}:{number}",
        action="Correct or remove this line.",
    )


def _alternate(examples: Sequence[Example], rng: np.random.Generator) -> Iterator[Example]:
    """Examples in an order in which (question, answer) pairs take turns."""
    strata: dict[tuple[str, str], list[Example]] = defaultdict(list)
    for position in rng.permutation(len(examples)):
        example = examples[position]
        strata[example.stratum].append(example)
    keys = sorted(strata)
    return _round_robin([iter(strata[keys[i]]) for i in rng.permutation(len(keys))])


def _round_robin(queues: Iterable[Iterator[Example]]) -> Iterator[Example]:
    waiting = list(queues)
    while waiting:
        remaining = []
        for queue in waiting:
            for example in queue:
                yield example
                remaining.append(queue)
                break
        waiting = remaining


def _sha(data: bytes, salt: str = "") -> str:
    return hashlib.sha256(salt.encode() + b"\0" + data).hexdigest()
