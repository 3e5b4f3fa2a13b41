"""What all local chains start with, so that one federation runs on any of them with the same gas.

Engines of other makers are told these numbers on their command lines (``commands``), the embedded
one writes them into its first block. Nothing is imported here, as py-evm takes long to load.
"""

CHAIN_ID = 31337
CHAIN_IDS = frozenset({CHAIN_ID, 1337})
"""Ids of local chains; the second is Ganache's own choice."""
MNEMONIC = "test test test test test test test test test test test junk"
"""The public test phrase that the prefunded accounts follow from (BIP-39)."""
ACCOUNTS = 20
BALANCE = 10_000
"""Ether of each account."""
GAS_LIMIT = 30_000_000
"""Gas in a block."""
HARDFORK = "shanghai"
CHAIN_FILE = "chain.sqlite"
"""File of the embedded chain in the folder of a run."""
