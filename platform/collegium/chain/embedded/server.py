"""The embedded chain as an HTTP JSON-RPC server, for other processes and other languages."""

import errno
import json
import logging
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from collegium.chain.embedded.chain import EmbeddedChain
from collegium.chain.embedded.rpc import Rpc
from collegium.errors import PortInUse

log = logging.getLogger(__name__)

MAX_REQUEST_BYTES = 16 * 2**20  # well above any request of this package
_PARSE_ERROR = {
    "jsonrpc": "2.0",
    "id": None,
    "error": {"code": -32700, "message": "the request is not JSON"},
}


class Server(ThreadingHTTPServer):
    """Serves ``chain`` on ``host``:``port``; port 0 takes a free one (see ``server_port``).

    Raises:
        PortInUse: another program listens there.
    """

    daemon_threads = True  # open connections must not keep the process alive
    request_queue_size = 128  # the default of 5 is too small for many clients at once

    def __init__(self, chain: EmbeddedChain, host: str = "127.0.0.1", port: int = 0) -> None:
        self.rpc = Rpc(chain)
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise PortInUse(
                expected=f"port {port} of {host} to be free",
                found="another program listening there",
                action="Stop it, or choose another port with --port.",
            ) from error

    @property
    def url(self) -> str:
        """Its JSON-RPC address."""
        return f"http://{self.server_name}:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # buffered: one packet for head and body
    server: Server

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > MAX_REQUEST_BYTES:
            self.close_connection = True
            self.send_error(413 if length.isdigit() else 411)
            return
        body = self.rfile.read(int(length))
        try:
            answer = self.server.rpc.handle(json.loads(body))
        except ValueError:
            answer = _PARSE_ERROR
        self._reply(json.dumps(answer).encode())

    def _reply(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        log.debug(format, *args)
