"""A web3.py provider that speaks to an embedded chain inside the same process."""

import json
from typing import Any

from web3.providers import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from collegium.chain.embedded.chain import EmbeddedChain
from collegium.chain.embedded.rpc import Rpc


class EmbeddedProvider(JSONBaseProvider):
    """A provider that encodes requests as JSON, so that answers are the same as over HTTP."""

    def __init__(self, chain: EmbeddedChain) -> None:
        super().__init__()
        self.chain = chain
        self.rpc = Rpc(chain)

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Answer one request; errors are in the answer, as over HTTP."""
        answer: RPCResponse = self.rpc.handle(json.loads(self.encode_rpc_request(method, params)))
        return answer

    def is_connected(self, show_traceback: bool = False) -> bool:
        """Always true: the chain is in this process."""
        return True
