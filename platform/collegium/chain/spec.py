"""How a chain is named: by a URL, by the file of an embedded chain, or by an engine."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Self

from collegium.chain.commands import COMMANDS
from collegium.chain.local import CHAIN_FILE
from collegium.errors import UnknownChain

_EMBEDDED = "embedded"
_FILE_ENDINGS = (".sqlite", ".sqlite3", ".db")


class Kind(Enum):
    """Kind of a chain's name: URL of a server, file, or engine that runs from a folder."""

    URL = "url"
    FILE = "file"
    ENGINE = "engine"


@dataclass(frozen=True)
class ChainSpec:
    """The name of a chain.

    Attributes:
        kind: what ``name`` is.
        name: http(s) URL; path of an embedded chain's file; or engine.
    """

    kind: Kind
    name: str

    @classmethod
    def parse(cls, text: "str | ChainSpec") -> "ChainSpec":
        """Parse a name as people write it.

        Args:
            text: an http(s) URL; a path that ends in .sqlite, .sqlite3 or .db, or
                ``embedded:PATH``; or an engine: ``embedded``, ``hardhat``, ``ganache``, ``anvil``.

        Raises:
            UnknownChain: it is none of these.
        """
        if isinstance(text, ChainSpec):
            return text
        if text.startswith(("http://", "https://")):
            return cls(Kind.URL, text)
        if text in COMMANDS:
            return cls(Kind.ENGINE, text)
        path = text.removeprefix(f"{_EMBEDDED}:")
        if path and (path != text or path.endswith(_FILE_ENDINGS)):
            return cls(Kind.FILE, path)
        raise unknown(text)

    def __str__(self) -> str:
        """The text that :meth:`parse` reads."""
        if self.kind is Kind.FILE and not self.name.endswith(_FILE_ENDINGS):
            return f"{_EMBEDDED}:{self.name}"
        return self.name

    @property
    def path(self) -> Path | None:
        """The file of an embedded chain; None for the other kinds."""
        return Path(self.name) if self.kind is Kind.FILE else None

    @property
    def embedded(self) -> bool:
        """Whether it runs in the process that uses it."""
        return self.kind is Kind.FILE or self.name == _EMBEDDED

    def resolve(self, folder: Path) -> Self:
        """The same chain, independent of the working directory.

        A relative path is taken relative to ``folder`` and made absolute, and the engine
        ``embedded`` becomes the file in ``folder``. Other engines and URLs stay as they are.
        """
        if not self.embedded:
            return self
        file = CHAIN_FILE if self.kind is Kind.ENGINE else self.name
        return type(self)(Kind.FILE, str((folder / file).resolve()))

    def within(self, folder: Path) -> Self:
        """The same chain as files in ``folder`` name it: a file in it by its relative path."""
        root = folder.resolve()
        if self.path is None or not self.path.is_relative_to(root):
            return self
        return type(self)(Kind.FILE, str(self.path.relative_to(root)))


def unknown(text: str) -> UnknownChain:
    """The error for a text that names no chain."""
    return UnknownChain(
        expected=f"one of {', '.join(COMMANDS)}, a .sqlite file, or an http(s) URL",
        found=repr(text),
        action="Correct the name.",
    )
