"""web3.py asks through the client of :mod:`.http`; no answer is always a typed error."""

import json
from typing import Any

from web3 import Web3
from web3.providers import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from collegium.chain.http import Client, Retry


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


class PatientProvider(JSONBaseProvider):
    """A web3.py provider over HTTP, with the retries and errors of :class:`.http.Client`."""

    def __init__(self, url: str, retry: Retry | None = None) -> None:
        super().__init__()
        self.client = Client(url, retry)

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Send one request; see the client for retries and errors."""
        # web3.py's own encoder knows its types: bytes, attribute dicts.
        encoded = json.loads(self.encode_rpc_request(method, params))
        answer: Any = self.client.ask(method, encoded["params"])
        return answer  # type: ignore[no-any-return]


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
