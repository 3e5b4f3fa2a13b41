"""A hospital's examples: questions on pictures with their answers, and how sets are divided.

``patient`` groups pictures of one person, so that no one is split over training and testing;
``kind`` groups questions in reports.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from collegium.tasks.xray.pictures import Picture

_DIGEST = "collegium-dataset/2"


@dataclass(frozen=True, slots=True)
class Example:
    """One question on one image, with the answer that is held to be right."""

    image: str  # key into ``Dataset.images``
    question: str
    answer: str
    kind: str  # question type; results are reported per kind
    patient: str
    line: int = field(default=0, compare=False)  # in the metadata file; 0: not from a file

    @property
    def stratum(self) -> tuple[str, str]:
        """What balanced draws are balanced over."""
        return (self.question, self.answer)


@dataclass(frozen=True)
class Dataset:
    """Examples, and where the picture of each is. Pictures are decoded when looked at."""

    name: str
    examples: tuple[Example, ...]
    images: dict[str, Picture] = field(repr=False)

    def __len__(self) -> int:
        return len(self.examples)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over all lines and picture files, whatever their order and file names.

        It covers the bytes of the files and decodes nothing: what a file shows can depend on the
        version of the decoder, its bytes do not.
        """
        files = {key: picture.digest() for key, picture in self.images.items()}
        lines = (
            json.dumps([files[e.image], e.question, e.answer, e.kind, e.patient])
            for e in self.examples
        )
        return _sha("\n".join(sorted(lines)).encode(), _DIGEST)

    def check(self) -> None:
        """Decode every picture once and keep none; raises UnreadableImage."""
        for picture in self.images.values():
            picture.pixels()

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

    def _by(self, key: Callable[[Example], str]) -> dict[str, list[Example]]:
        groups: dict[str, list[Example]] = defaultdict(list)
        for example in self.examples:
            groups[key(example)].append(example)
        return groups

    def _where(self, keep: Callable[[Example], bool]) -> "Dataset":
        return self._with([e for e in self.examples if keep(e)])

    def _with(self, examples: Sequence[Example]) -> "Dataset":
        images = {e.image: self.images[e.image] for e in examples}
        return Dataset(self.name, tuple(examples), images)


def join(datasets: Sequence[Dataset], name: str = "joined") -> Dataset:
    """All examples of several datasets; equal file names at two sites stay apart."""
    examples: list[Example] = []
    images: dict[str, Picture] = {}
    for number, dataset in enumerate(datasets):
        prefix = f"{number}/{dataset.name}/"
        images |= {prefix + key: image for key, image in dataset.images.items()}
        examples += [
            replace(e, image=prefix + e.image, patient=prefix + e.patient) for e in dataset.examples
        ]
    return Dataset(name, tuple(examples), images)


def is_yes_no(answer: str) -> bool:
    """Whether an answer is one of a question that is answered with yes or no."""
    return answer.strip().casefold() in ("yes", "no")


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
