"""The registry of a federation, read without web3.py and without an EVM.

Listing nodes must be fast, and loading an EVM takes longer than reading the list. Over HTTP the
contract's views are called in two batches. In the file of an embedded chain the events are read
directly, block by block from the newest, and the bloom filters tell which blocks to skip. Nothing
is verified here; that is what the audit is for.
"""

from pathlib import Path

from collegium.chain.light.registry import Listed, Registry
from collegium.chain.spec import ChainSpec, Kind

__all__ = ["Listed", "Registry", "read_registry"]


def read_registry(spec: str | ChainSpec, federation: str) -> Registry:
    """The registry of the federation at an address.

    Args:
        spec: http(s) URL of a chain, or path of an embedded chain's file.

    Raises:
        ChainUnreachable: nothing answers at the URL.
        ChainError: the chain answers with an error.
        ChainFile: the file is missing or is not a chain.
        WrongChain: there is no federation at this address.
    """
    named = ChainSpec.parse(spec)
    if named.kind is Kind.URL:
        from collegium.chain.light.views import from_url

        return from_url(named.name, federation)
    from collegium.chain.light.events import from_file

    return from_file(Path(named.name), federation)
