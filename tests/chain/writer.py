"""A process that sends transactions to a chain file until it is done, or is killed.

``python writer.py FILE LOCKS KEY COUNT``: account KEY sends COUNT transfers of 1 wei to account
19, and prints the hash of each as soon as it is mined.
"""

import sys
from pathlib import Path

from collegium.chain import engines
from collegium.chain.sender import Sender

file, locks, key, count = sys.argv[1:]
with engines.connect(file) as chain:
    accounts = chain.dev_accounts
    sender = Sender(chain, accounts[int(key)], lock_directory=Path(locks))
    for _ in range(int(count)):
        print(sender.send(accounts[19].address, value=1, gas=21_000).tx, flush=True)
