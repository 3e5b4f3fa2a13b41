"""The aggregator: merges the accepted updates and proposes the root of the new state.

It decides nothing: the contract fixed which updates count and with which weight, and the merge is
exact, so every honest node gets the same bits.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from collegium.errors import BadProof, BlobMissing
from collegium.protocol import state
from collegium.protocol.container import Update, decode_state
from collegium.protocol.rules import merging
from collegium.protocol.state import State
from collegium.roles.inbox import committed_updates
from collegium.roles.node import Node
from collegium.roles.view import RoundView


@dataclass(frozen=True)
class Remade:
    """The correct merge of a round, and what it was computed from.

    Attributes:
        base: the state that the round builds on.
        opened: the updates that match their commitments, by node id.
        result: the merged state.
    """

    base: State
    opened: dict[int, Update]
    result: State


def remade(
    node: Node, view: RoundView, base: bytes | None, envelopes: Mapping[int, bytes]
) -> Remade:
    """Compute the merge of the settled round.

    Args:
        base: file of the state that the round builds on; None takes the one in the journal.
        envelopes: sealed updates by node id, where they are not in the journal.

    Raises:
        RoundFailed: the round is not settled.
        BadProof: ``base`` is not the state of the round.
        BlobMissing: an accepted update, or the base, was not delivered to this node.
    """
    view.expect("Merge", "Proposed", "Final")
    start = read_base(node, view, base)
    opened = committed_updates(node, view, envelopes)
    accepted = [(u, w) for u, w in zip(view.updates, view.weights, strict=True) if w]
    weighted = [(w, require(opened, u.node).encoded) for u, w in accepted]
    return Remade(start, opened, merging.merge(node.card.terms.merging, start, weighted))


def merged(
    node: Node, view: RoundView, base: bytes | None, envelopes: Mapping[int, bytes]
) -> State:
    """The merged state of the settled round; arguments and errors as of :func:`remade`."""
    return remade(node, view, base, envelopes).result


def propose(node: Node, view: RoundView, result: State) -> None:
    """Propose a merged state, unless one is proposed already or this node is not allowed to."""
    if view.phase == "Merge" and node.id in view.bonded - view.barred:
        node.federation.propose_merge(view.id, state.root(result))


def read_base(node: Node, view: RoundView, data: bytes | None) -> State:
    """Read the state that the round builds on, and keep its file in the journal.

    Args:
        data: the file; None takes the one in the journal.

    Raises:
        BadProof: it is another state.
        BlobMissing: no file was passed, and there is none in the journal.
    """
    journal = node.home.journal(view.id)
    file = journal.read_state(view.base) if data is None else data
    if file is None:
        raise BlobMissing(
            expected=f"the state {view.base.hex()}, which round {view.id} builds on",
            found="no file of it in the journal",
            action="Ask the coordinator for it.",
        )
    found = check_root(decode_state(file, node.layout), view.base)
    if not journal.has_state(view.base):
        journal.write_state(view.base, file)
    return found


def check_root(found: State, expected: bytes) -> State:
    """Return ``found`` if its root is ``expected`` (32 bytes); otherwise raise BadProof."""
    if (root := state.root(found)) != expected:
        raise BadProof(
            expected=f"a state with root {expected.hex()}",
            found=f"one with root {root.hex()}",
            action="Get the state again from another member; this copy is wrong.",
        )
    return found


def require(opened: Mapping[int, Update], node: int) -> Update:
    """The update of a node; raises BlobMissing if it is not among those opened."""
    if node not in opened:
        raise BlobMissing(
            expected=f"the update of node {node}, which the round accepted",
            found="no envelope that this node can open",
            action="Ask another member of the committee for it.",
        )
    return opened[node]
