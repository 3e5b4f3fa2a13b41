"""The one HTTP client for JSON-RPC; web3.py and the light client both ask through it.

Rules, in one place:

- Reading is repeated after a broken connection, a busy server, or an answer that is no JSON-RPC.
  Sending is not: whether it arrived is unknown. Only :mod:`.sender`, which looks for the
  transaction's hash, may send it again.
- A server that limits the rate of requests did not run the request, so every request waits and is
  repeated, within :attr:`Retry.patience`.
- A redirect is an error that names the new server: nothing signed and no password goes elsewhere.
- User and password of a URL are sent as basic authentication, and shown nowhere.
"""

import itertools
import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

import urllib3

from collegium.chain import limits
from collegium.errors import ChainUnreachable

# A repeated request could take effect twice.
NOT_REPEATABLE = frozenset(
    {
        "eth_sendTransaction",
        "eth_sendRawTransaction",
        "evm_mine",
        "evm_increaseTime",
        "evm_setNextBlockTimestamp",
    }
)
# HTTP statuses of a server that may answer later.
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_LOCAL = ("127.0.0.1", "localhost", "::1")
_BATCH = 200  # servers limit the size of a batch
_HARMLESS = 5_000  # brackets, however they are nested
_DEEPEST = 200
_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]')

Call = tuple[str, Sequence[Any]]
"""Method and parameters."""
Answer = dict[str, Any]
"""A JSON-RPC response: ``result`` or ``error``."""


@dataclass(frozen=True)
class Retry:
    """How often and how fast requests are repeated. All times in seconds.

    Attributes:
        attempts: requests in all while the server fails, at least 1.
        pause: before the second attempt; doubled before each later one.
        longest_pause: upper bound of a pause.
        timeout: for one request.
        patience: for which in all one request waits for a server that limits the rate.
    """

    attempts: int = 12
    pause: float = 0.2
    longest_pause: float = 5.0
    timeout: float = 30.0
    patience: float = 120.0

    def wait(self, attempt: int) -> None:
        """Sleep after failed attempt number ``attempt`` (0, 1, …)."""
        time.sleep(self.length(attempt))

    def length(self, attempt: int) -> float:
        """Seconds to sleep after failed attempt number ``attempt`` (0, 1, …)."""
        return float(min(self.pause * 2.0 ** min(attempt, 30), self.longest_pause))


# A person waits: a server that does not answer is given up after 4 seconds.
INTERACTIVE = Retry(pause=0.05, longest_pause=0.5)


class _Failed(Exception):
    """One request brought no usable answer.

    Attributes:
        problem: for people.
        again: whether the same request may succeed later.
        wait: seconds after which a server that limits the rate asks to come back; 0 leaves it
            open, and None says that this is not about the rate.
    """

    def __init__(self, problem: str, *, again: bool = True, wait: float | None = None) -> None:
        self.problem, self.again, self.wait = problem, again, wait


class Client:
    """Asks one JSON-RPC server; see the module for its rules. Threads may share it.

    Args:
        url: http or https, perhaps with user and password.

    Raises (from every request):
        ChainUnreachable: no usable answer after all attempts, or after one if the request must
            not be repeated.
    """

    def __init__(self, url: str, retry: Retry | None = None) -> None:
        self.url, self.retry = url, retry or Retry()
        self._ids = itertools.count()
        self._batches = True  # until the server shows that it has none
        parts = urlsplit(url)
        self._target = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        self._headers = {"Content-Type": "application/json", "Accept-Encoding": "gzip, deflate"}
        if parts.username is not None:
            login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers |= urllib3.make_headers(basic_auth=login)
        host = parts.hostname or ""
        # Never through a proxy if the chain is on this machine.
        direct = host in _LOCAL or bool(proxy_bypass(host))
        proxy = None if direct else getproxies().get(parts.scheme)
        self._pool = urllib3.ProxyManager(proxy) if proxy else urllib3.PoolManager()

    def ask(self, method: str, params: Sequence[Any]) -> Answer:
        """The answer to one request; an error of the chain is in it."""
        deadline = time.monotonic() + self.retry.patience
        failed = limited = 0
        while True:
            try:
                return self._once(method, params)
            except _Failed as failure:
                if failure.wait is not None:
                    pause = max(failure.wait, self.retry.length(limited))
                    limited += 1
                    if time.monotonic() + pause > deadline:
                        raise unreachable(self.url, failure.problem, failed + limited) from None
                    time.sleep(pause)
                    continue
                failed += 1
                attempts = 1 if method in NOT_REPEATABLE else self.retry.attempts
                if not failure.again or failed >= attempts:
                    raise unreachable(self.url, failure.problem, failed + limited) from None
                self.retry.wait(failed - 1)

    def ask_all(self, calls: Sequence[Call]) -> list[Answer]:
        """The answers to many reading requests, in the order of ``calls``.

        They travel in batches. What a batch leaves unanswered, or answers with an error, is asked
        again by itself; a server that answers no batch at all gets none any more.
        """
        answers: list[Answer] = []
        for start in range(0, len(calls), _BATCH):
            part = calls[start : start + _BATCH]
            found = self._batch(part) if self._batches else {}
            answers += [found.get(i) or self.ask(*call) for i, call in enumerate(part)]
        return answers

    # -- one exchange ---------------------------------------------------------------------------

    def _batch(self, calls: Sequence[Call]) -> dict[int, Answer]:
        """Results by their place in ``calls``; incomplete or empty if anything is unusual."""
        ids = [next(self._ids) for _ in calls]
        requests = [_request(i, *call) for i, call in zip(ids, calls, strict=True)]
        try:
            document = self._post(requests)
        except _Failed as failure:
            # Asked one by one, which also waits or fails as it should.
            self._batches = failure.again
            return {}
        if not isinstance(document, list):
            self._batches = False
            return {}
        by_id: dict[int, Answer] = {}
        for answer in document:
            if isinstance(answer, dict) and "result" in answer and type(answer.get("id")) is int:
                by_id[answer["id"]] = answer
        return {place: by_id[i] for place, i in enumerate(ids) if i in by_id}

    def _once(self, method: str, params: Sequence[Any]) -> Answer:
        number = next(self._ids)
        answer = self._post(_request(number, method, params))
        if isinstance(answer, list) and len(answer) == 1:
            answer = answer[0]
        if not isinstance(answer, dict) or not ("result" in answer or answer.get("error")):
            raise _Failed(f"an answer to {method} that is no JSON-RPC")
        error = answer.get("error")
        if error and not isinstance(error, dict | str):
            raise _Failed(f"an answer to {method} that is no JSON-RPC")
        if error:
            wait = limits.wait(method, params, error)
            if wait is not None:
                raise _Failed(f"the answer {limits.message(error)!r}", wait=wait)
        elif str(answer.get("id")) != str(number):  # some servers answer with texts
            raise _Failed(f"an answer to another request than {method}")
        return answer

    def _post(self, document: Any) -> Any:
        """The JSON that the server answers; of a failing status only a JSON-RPC error."""
        try:
            response = self._pool.request(
                "POST",
                self._target,
                body=json.dumps(document).encode(),
                headers=self._headers,
                retries=False,
                redirect=False,
                timeout=self.retry.timeout,
            )
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            # The type only: the text contains the address, with the keys in it.
            raise _Failed(f"{type(error).__name__}") from None
        try:
            answer = _parse(response.data)
        except (ValueError, RecursionError):
            answer = None
        status = response.status
        if status == 429 or (status in _BUSY and "Retry-After" in response.headers):
            wait = limits.seconds(response.headers.get("Retry-After"))
            raise _Failed(f"HTTP status {status}", wait=wait)
        if status < 300 and answer is not None:
            return answer
        if isinstance(answer, dict) and isinstance(answer.get("error"), dict):
            return answer
        if status == 413:  # also of a range of blocks that is too large
            return {"error": {"code": status, "message": "request or response too large"}}
        if status < 300:
            raise _Failed("an answer that is not JSON")
        found = f"HTTP status {status}"
        if 300 <= status < 400 and (place := response.headers.get("Location")):
            found += f", a redirect to {public_url(urljoin(self._target, place))}"
        raise _Failed(found, again=status in _BUSY)


def _parse(data: bytes) -> Any:
    """JSON of a server; raises ValueError if it is none, or nested too deeply.

    py-evm raises Python's limit of recursion so far that the parser would crash first.
    """
    if data.count(b"[") + data.count(b"{") > _HARMLESS:
        depth = 0
        for token in _TOKENS.finditer(data):
            depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(token[0], 0)
            if depth > _DEEPEST:
                raise ValueError("nested too deeply")
    return json.loads(data)


def _request(number: int, method: str, params: Sequence[Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}


def unreachable(url: str, problem: str, attempts: int = 1) -> ChainUnreachable:
    """The error for an RPC that does not answer."""
    times = "1 attempt" if attempts == 1 else f"{attempts} attempts"
    return ChainUnreachable(
        expected=f"an Ethereum JSON-RPC server at {public_url(url)}",
        found=f"{problem or 'no answer'} after {times}",
        action="Check that the chain is running (collegium chain status), and the address.",
    )


def public_url(url: str) -> str:
    """The URL without path, query and user, where providers put their access keys."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
