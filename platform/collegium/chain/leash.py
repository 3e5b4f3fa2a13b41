"""``python -m collegium.chain.leash PROGRAM …``: run a program until standard input ends.

Whoever starts this holds the other end of its standard input. The system closes that when the
holder ends, even by SIGKILL; then the program and its children (npx has some) are ended. Start it
in a session of its own, because it ends its whole process group.
"""

import os
import signal
import subprocess
import sys
import threading
import time

_SECONDS_TO_END = 3.0


def main() -> int:
    """Run the program; returns its exit status."""
    signal.signal(signal.SIGTERM, lambda *_: None)  # goes to the whole group; the program ends us
    program = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    ending = threading.Event()
    watcher = threading.Thread(target=_end_with_holder, args=(ending,), daemon=True)
    watcher.start()
    code = program.wait()
    if ending.is_set():
        watcher.join()  # a child of the program may still run
    return code


def _end_with_holder(ending: threading.Event) -> None:
    while os.read(0, 1):
        pass
    ending.set()
    os.killpg(0, signal.SIGTERM)
    time.sleep(_SECONDS_TO_END)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
