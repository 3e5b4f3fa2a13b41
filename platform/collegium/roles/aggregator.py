"""The aggregator: merges what was accepted and proposes the root.

There is nothing to decide: the contract fixed which updates count and with which weight, and the
merge is exact, so every honest node gets the same bits.
"""

from collections.abc import Mapping

from collegium.errors import BadProof, BlobMissing
from collegium.protocol import state
from collegium.protocol.container import Update, decode_state
from collegium.protocol.rules import merging
from collegium.protocol.state import State
from collegium.roles.inbox import committed_updates
from collegium.roles.node import Node
from collegium.roles.view import RoundView


def merged(node: Node, view: RoundView, base: bytes, envelopes: Mapping[int, bytes]) -> State:
    """The state that the settled round leads to.

    Args:
        base: file of the state the round builds on.
        envelopes: sealed updates by node id.

    Raises:
        BadProof: ``base`` is not the state of the round.
        BlobMissing: an accepted update was not delivered to this node.
    """
    view.expect("Merge", "Proposed", "Final")
    start = read_base(node, view, base)
    opened = committed_updates(node, view, envelopes)
    accepted = [(u, w) for u, w in zip(view.updates, view.weights, strict=True) if w]
    return merging.merge(start, [(w, require(opened, u.node).encoded) for u, w in accepted])


def propose(node: Node, view: RoundView, result: State) -> None:
    """Propose a merged state, unless one is proposed already or this node may not."""
    if view.phase == "Merge" and node.id in view.bonded - view.barred:
        node.federation.propose_merge(view.id, state.root(result))


def read_base(node: Node, view: RoundView, data: bytes) -> State:
    """Read the state file of the round's base; raises BadProof if it is another state."""
    return check_root(decode_state(data, node.layout), view.base)


def check_root(found: State, expected: bytes) -> State:
    """``found`` if its root is ``expected``; raises BadProof."""
    if (root := state.root(found)) != expected:
        raise BadProof(
            expected=f"a state with root {expected.hex()}",
            found=root.hex(),
            action="Fetch the state again; whoever served it is wrong.",
        )
    return found


def require(opened: Mapping[int, Update], node: int) -> Update:
    """The update of a node; raises BlobMissing if it is not at hand."""
    if node not in opened:
        raise BlobMissing(
            expected=f"the update of node {node}, which the round accepted",
            found="no envelope that opens",
            action="Ask another member of the committee for it.",
        )
    return opened[node]
