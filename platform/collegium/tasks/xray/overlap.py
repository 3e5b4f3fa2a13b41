"""People and pictures that are in several datasets: in two hospitals, or in training and test.

Neither is an error: hospitals share patients. But a test on pictures that a model was trained on
says nothing, and two hospitals with the same pictures are paid twice for one contribution.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations

from collegium.tasks.xray.data import Dataset
from collegium.tasks.xray.pictures import Picture

_PREFIX = 65_536  # bytes that tell nearly all files of one size apart

Where = dict[object, set[str]]
"""Names of the datasets that something is in."""


def shared(sets: Mapping[str, Dataset]) -> list[str]:
    """A sentence for each pair of datasets that share people or pictures.

    Pictures are compared by the bytes of their files, and only those of equal size are read.
    """
    found = []
    people, pictures = _pairs(_people(sets)), _pairs(_pictures(sets))
    for one, two in combinations(sets, 2):
        if count := pictures.get((one, two)):
            found.append(f"{_count(count, 'picture')} in both {one} and {two}")
        if count := people.get((one, two)):
            found.append(
                f"{_count(count, 'patient id')} in both {one} and {two}: the same people, or ids "
                "that are unique within a hospital only"
            )
    return found


def _people(sets: Mapping[str, Dataset]) -> Where:
    where: Where = defaultdict(set)
    for name, dataset in sets.items():
        for example in dataset.examples:
            if example.patient != example.image:  # the metadata name a person
                where[example.patient].add(name)
    return where


def _pictures(sets: Mapping[str, Dataset]) -> Where:
    """Pictures by their content; those of a size of their own are left out."""
    groups: dict[object, list[tuple[str, Picture]]] = {
        0: [(name, picture) for name, data in sets.items() for picture in data.images.values()]
    }
    keys: tuple[Callable[[Picture], object], ...] = (lambda p: p.size, _prefix, Picture.digest)
    for key in keys:
        groups = dict(_divided(groups, key))
    return {content: {name for name, _ in group} for content, group in groups.items()}


def _divided(
    groups: Mapping[object, list[tuple[str, Picture]]], key: Callable[[Picture], object]
) -> Iterator[tuple[object, list[tuple[str, Picture]]]]:
    """The groups by what ``key`` says, without those that are within one dataset."""
    for before, group in groups.items():
        parts: dict[object, list[tuple[str, Picture]]] = defaultdict(list)
        for name, picture in group:
            parts[key(picture)].append((name, picture))
        for value, part in parts.items():
            if len({name for name, _ in part}) > 1:
                yield (before, value), part


def _prefix(picture: Picture) -> bytes:
    with picture.path.open("rb") as file:
        return hashlib.sha256(file.read(_PREFIX)).digest()


def _pairs(where: Where) -> dict[tuple[str, str], int]:
    """How much each two datasets share."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for names in where.values():
        for one in names:
            for two in names:
                if one != two:
                    counts[one, two] += 1
    return counts


def _count(number: int, what: str) -> str:
    return f"one {what} is" if number == 1 else f"{number:,} {what}s are"
