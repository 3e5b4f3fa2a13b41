"""Requests to a chain's RPC, repeated where that is safe; no answer is always an error.

Reading is repeated with growing pauses. Sending is not: after a broken connection it is unknown
whether a transaction arrived. Only :mod:`.sender`, which looks for its hash, may send it again.
"""

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from web3 import Web3
from web3.providers import HTTPProvider
from web3.types import RPCEndpoint, RPCResponse

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
LIMIT_EXCEEDED = -32005  # EIP-1474: the request may be repeated later
# HTTP statuses of a server that may answer later.
_BUSY = frozenset({408, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Retry:
    """How often and how fast reading is repeated. All times in seconds.

    Attributes:
        attempts: requests in all, at least 1.
        pause: before the second attempt; doubled before each later one.
        longest_pause: upper bound of a pause.
        timeout: for one request.
    """

    attempts: int = 6
    pause: float = 0.2
    longest_pause: float = 5.0
    timeout: float = 30.0

    def wait(self, attempt: int) -> None:
        """Sleep after failed attempt number ``attempt`` (0, 1, …)."""
        time.sleep(min(self.pause * 2**attempt, self.longest_pause))


class RpcRefusal(Exception):
    """The chain answered with a JSON-RPC error.

    Attributes:
        code: JSON-RPC error code.
        message: the chain's text.
        data: further data from the chain; for reverts the returned bytes, in one of several forms.
    """

    def __init__(self, method: str, code: int, message: str, data: Any = None) -> None:
        super().__init__(f"{method}: {message} ({code})")
        self.method, self.code, self.message, self.data = method, code, message, data


class PatientProvider(HTTPProvider):
    """web3.py's HTTP provider with the retries of :class:`Retry` and typed errors.

    Raises (from every request):
        ChainUnreachable: no usable answer after all attempts, or after one if the request must
            not be repeated.
    """

    def __init__(self, url: str, retry: Retry | None = None) -> None:
        self.retry = retry or Retry()
        super().__init__(
            url,
            request_kwargs={"timeout": self.retry.timeout},
            exception_retry_configuration=None,  # web3.py's own retries would multiply these
        )

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Send one request; see the class for retries and errors."""
        attempts = 1 if method in NOT_REPEATABLE else self.retry.attempts
        problem = ""
        for attempt in range(attempts):
            if attempt:
                self.retry.wait(attempt - 1)
            try:
                response = super().make_request(method, params)
            except requests.HTTPError as error:
                status = 0 if error.response is None else error.response.status_code
                problem = f"HTTP status {status}"
                if status not in _BUSY:
                    break
            except (requests.RequestException, ConnectionError, ValueError) as error:
                problem = f"{type(error).__name__} during {method}"
            else:
                if not _too_busy(response):
                    return response
                problem = "the answer 'limit exceeded'"
        raise unreachable(str(self.endpoint_uri), problem, attempts)


def _too_busy(response: RPCResponse) -> bool:
    error = response.get("error")
    return isinstance(error, dict) and error.get("code") == LIMIT_EXCEEDED


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
    host = parts.hostname or ""
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")


def request(w3: Web3, method: str, *params: Any) -> Any:
    """The JSON result of one request, exactly as the chain wrote it.

    Raises:
        RpcRefusal: the chain answered with an error.
        ChainUnreachable: it did not answer.
    """
    response = w3.provider.make_request(RPCEndpoint(method), list(params))
    error = response.get("error")
    if error is None:
        return response.get("result")
    if isinstance(error, str):
        raise RpcRefusal(method, 0, error)
    raise RpcRefusal(method, error.get("code", 0), error.get("message", ""), error.get("data"))
