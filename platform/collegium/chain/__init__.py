"""The chain: local engines, sending, reading, and a typed client of the contracts.

Everything above this package speaks to a chain only through it. Nothing here knows about models
or training. This file imports nothing, so that ``collegium --help`` stays fast; web3.py and
py-evm are loaded where they are first used.

================  =============================================================================
``engines``       start, stop and find a local chain; :func:`~collegium.chain.engines.connect`
``connection``    one connected chain, and requests to it (``transport``)
``embedded/``     an Ethereum chain in one SQLite file, in process or over HTTP
``light/``        the list of nodes, read without web3.py and py-evm
``sender``        sign and send exactly once (``nonces``); wait for the ``receipts``
``reverts``       one function that explains every form of a chain's error (advice: ``refusals``)
``reader``        blocks, transactions, receipts and decoded events
``eventlog``      all events so far, each read once (``bloom``)
``headers``       pure checks of blocks, ``transactions``, receipts and their ``places``, for the
                  offline auditor
``abi``           pure coding of calldata, results, events and errors
``bindings``      the shipped ABI and bytecode; contracts at an address
``federation``    typed client of Federation, Vault and token; ``views``, and ``history`` of events
================  =============================================================================
"""
