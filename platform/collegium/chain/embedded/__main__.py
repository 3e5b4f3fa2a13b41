"""``python -m collegium.chain.embedded --db FILE --port N``: serve a chain until stopped."""

import argparse
import signal
import sys
from types import FrameType

from collegium.chain.embedded.chain import EmbeddedChain
from collegium.chain.embedded.clock import KINDS
from collegium.chain.embedded.server import Server
from collegium.errors import CollegiumError


def main() -> int:
    """Serve the chain; returns the exit status, 1 if the file or the port cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m collegium.chain.embedded", description=__doc__)
    parser.add_argument("--db", required=True, help="SQLite file of the chain")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8545, help="0 takes a free one")
    parser.add_argument("--clock", choices=KINDS, help="default: what the file says, else wall")
    parser.add_argument("--chain-id", type=int)
    options = parser.parse_args()
    try:
        chain = EmbeddedChain(options.db, clock=options.clock, chain_id=options.chain_id)
        server = Server(chain, options.host, options.port)
    except CollegiumError as error:
        print(error, file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, _stop)
    print(f"listening on {server.url}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        return 0
    finally:
        server.server_close()
        chain.close()
    return 0


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
