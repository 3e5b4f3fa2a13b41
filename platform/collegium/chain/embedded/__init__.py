"""A small Ethereum chain in one SQLite file, so that a federation needs no other software.

The EVM is py-evm at the Shanghai fork, so gas and bytecode behaviour equal those of Hardhat,
anvil and Ganache at Shanghai. Each transaction is mined into its own block at once, and each
block is one SQL transaction: if a process is killed, the chain still ends with a whole block.
Several processes may use one file, each through its own :class:`~.chain.EmbeddedChain`.

It is a chain for one machine and one administrator. Anyone who can write the file can rewrite
history; the audit detects that only against an anchor hash kept elsewhere.
"""
