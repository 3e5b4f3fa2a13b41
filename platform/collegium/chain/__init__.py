"""The chain: local engines, sending, reading, and a typed client of the contracts.

Everything above this package speaks to a chain only through it. Nothing here knows about models
or training. This file imports nothing, so that ``collegium --help`` stays fast; web3.py and
py-evm are loaded where they are first used.

==============  ===============================================================================
``engines``     start, stop and find a local chain; :func:`~collegium.chain.engines.connect`
``embedded/``   an Ethereum chain in one SQLite file, in process or over HTTP
``sender``      sign and send exactly once; wait for the receipt
``reverts``     one function that explains every form in which a chain refuses
``reader``      blocks, transactions, receipts and decoded events
``headers``     pure checks of headers, transactions and receipts, for the offline auditor
``bindings``    the shipped ABI and bytecode
``federation``  typed client of Federation, Vault and token
==============  ===============================================================================
"""
