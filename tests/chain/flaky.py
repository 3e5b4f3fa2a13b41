"""A TCP proxy in front of a real RPC server that loses answers on purpose."""

import http.client
import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Reply:
    """What the proxy answers by itself.

    Attributes:
        body: bytes, or JSON in which the text ``{id}`` stands for the request's id.
        status, headers: of HTTP.
    """

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Fault = Callable[[str, int], str | Reply | None]
_LAGGING = {"null": None, "zero": "0x0"}


class FlakyProxy:
    """Forwards JSON-RPC requests to ``url``; ``fault(method, nth)`` names what goes wrong.

    Faults: ``"lose-answer"`` forwards, then closes the connection without an answer;
    ``"lose-request"`` closes it without forwarding; ``"busy"`` answers with HTTP 503;
    ``"garbage"`` forwards and answers with something that is not JSON; ``"forbidden"`` answers
    with 403; ``"null"`` and ``"zero"`` answer so without asking, like a server that lags behind;
    ``"refuse"`` answers with a JSON-RPC error; ``None`` forwards and answers. ``nth`` counts the
    requests of a method from 0; a batch has the method ``batch``. A :class:`Reply` is any other
    answer, without asking.

    Attributes:
        seen: how often each method arrived at the proxy.
        forwarded: how often each was passed on.
        raw: the signed transactions that were passed on.
        logins: the headers ``Authorization`` that arrived; ``None`` for a request without.
        requests: each request's JSON.
    """

    def __init__(self, url: str, fault: Fault) -> None:
        self.target, self.fault = urlsplit(url), fault
        self.seen: Counter[str] = Counter()
        self.forwarded: Counter[str] = Counter()
        self.raw: list[str] = []
        self.logins: set[str | None] = set()
        self.requests: list[Any] = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one packet for head and body

            def do_POST(self) -> None:
                proxy.serve(self, self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, format: str, *args: Any) -> None:
                """Tests print nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def serve(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        request = json.loads(body)
        self.requests.append(request)
        self.logins.add(handler.headers["Authorization"])
        method = "batch" if isinstance(request, list) else request["method"]
        fault = self.fault(method, self.seen[method])
        self.seen[method] += 1
        if isinstance(fault, Reply):
            answer = fault.body
            if not isinstance(answer, bytes):
                number = "null" if method == "batch" else json.dumps(request["id"])
                answer = json.dumps(answer).replace('"{id}"', number).encode()
            return self._answer(handler, fault.status, answer, fault.headers)
        if fault == "busy":
            return self._answer(handler, 503, b"try later")
        if fault == "forbidden":
            return self._answer(handler, 403, b"no")
        if fault == "refuse":
            error = {"code": -32000, "message": "range too large"}
            answer = {"jsonrpc": "2.0", "id": request["id"], "error": error}
            return self._answer(handler, 200, json.dumps(answer).encode())
        if fault in _LAGGING:
            answer = {"jsonrpc": "2.0", "id": request["id"], "result": _LAGGING[fault]}
            return self._answer(handler, 200, json.dumps(answer).encode())
        if fault == "lose-request":
            handler.close_connection = True
            return None
        answer = self._forward(body)
        self.forwarded[method] += 1
        if method == "eth_sendRawTransaction":
            self.raw.append(request["params"][0])
        if fault == "lose-answer":
            handler.close_connection = True
            return None
        return self._answer(handler, 200, b"<html>" if fault == "garbage" else answer)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def _forward(self, body: bytes) -> bytes:
        connection = http.client.HTTPConnection(str(self.target.hostname), self.target.port)
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        answer = connection.getresponse().read()
        connection.close()
        return answer

    @staticmethod
    def _answer(
        handler: BaseHTTPRequestHandler,
        status: int,
        body: bytes,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        handler.send_response(status)
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
