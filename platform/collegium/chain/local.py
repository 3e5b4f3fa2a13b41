"""Settings that all local chains share: a federation uses the same gas on any of them.

Other engines get these values on their command lines (``commands``), the embedded one writes them
into its first block. This module imports nothing, because py-evm takes long to load.
"""

CHAIN_ID = 31337
CHAIN_IDS = frozenset({CHAIN_ID, 1337})
"""Ids of local chains; the second is Ganache's own choice."""
MNEMONIC = "test test test test test test test test test test test junk"
"""The public test phrase from which the prefunded accounts are derived (BIP-39)."""
ACCOUNTS = 20
"""Number of prefunded accounts."""
BALANCE = 10_000
"""Ether of each account."""
GAS_LIMIT = 30_000_000
"""Gas in a block."""
HARDFORK = "shanghai"
"""The newest fork that Ganache knows."""
CHAIN_FILE = "chain.sqlite"
"""File of the embedded chain in the folder of a run."""
