"""The folder of a run: the files of a federation on this machine.

``run.json`` names the chain, the contract and the files; all paths in it are relative to the
folder, so that the folder can be moved. Reading it imports nothing heavy.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from collegium.chain.spec import ChainSpec
from collegium.errors import NoRun
from collegium.protocol.addresses import checked
from collegium.protocol.names import CARD, LAYOUT
from collegium.workspace.names import RUN

_VERSION = 1


@dataclass(frozen=True)
class Run:
    """A federation as this machine knows it.

    Attributes:
        folder: contains ``run.json``.
        chain: URL, or path of an embedded chain's file, relative to the folder.
        federation: address of the contract.
        card, layout: files of the task card and of the adapter layout.
        store: folder or fsspec URL of the blob store.
        nodes: folders of the nodes on this machine.
        first_block: number of the block that created the federation.
    """

    folder: Path
    chain: str
    federation: str
    card: str = CARD
    layout: str = LAYOUT
    store: str = "store"
    nodes: tuple[str, ...] = field(default=())
    first_block: int = 0

    @classmethod
    def load(cls, folder: Path | str) -> Self:
        """Read the run in a folder.

        Raises:
            NoRun: there is no run, or its file cannot be read.
        BadAddress: it names no usable address of a contract.
        """
        path = Path(folder) / RUN
        try:
            fields: dict[str, Any] = json.loads(path.read_text())
            if fields.pop("version") != _VERSION:
                raise ValueError("another version")
            nodes = tuple(fields.pop("nodes", ()))
            known = cls.__dataclass_fields__  # fields of later versions are ignored
            run = cls(Path(folder), nodes=nodes, **{k: fields[k] for k in fields if k in known})
            return replace(run, federation=checked(run.federation, f"'federation' in {path}"))
        except FileNotFoundError:
            found = "no such file"
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            found = f"{type(error).__name__}: {error}"
        raise NoRun(
            expected=f"the file {path} of a run",
            found=found,
            action="Pass the run's folder with --dir, or create one with "
            "`collegium federation create` or `collegium demo`.",
        )

    def save(self) -> None:
        """Write ``run.json`` in one step."""
        fields = asdict(self)
        fields.pop("folder")
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / f"{RUN}.partial"
        partial.write_text(json.dumps({"version": _VERSION, **fields}, indent=2) + "\n")
        partial.replace(self.folder / RUN)

    @property
    def chain_spec(self) -> ChainSpec:
        """The chain, independent of the working directory.

        Raises:
            UnknownChain: ``chain`` is not the name of a chain.
        """
        return ChainSpec.parse(self.chain).resolve(self.folder)

    @property
    def card_file(self) -> Path:
        """Path of the task card."""
        return self.folder / self.card

    @property
    def layout_file(self) -> Path:
        """Path of the adapter layout."""
        return self.folder / self.layout

    @property
    def store_root(self) -> str:
        """Folder or fsspec URL of the blob store."""
        return self.store if "://" in self.store else str(self.folder / self.store)

    @property
    def node_homes(self) -> list[Path]:
        """Folders of the nodes on this machine."""
        return [self.folder / node for node in self.nodes]

    def with_nodes(self, homes: Iterable[Path]) -> Self:
        """The same run with more nodes on this machine."""
        # Relative, so that the folders can be moved together.
        added = [os.path.relpath(home.resolve(), self.folder.resolve()) for home in homes]
        return replace(self, nodes=tuple(dict.fromkeys((*self.nodes, *added))))
