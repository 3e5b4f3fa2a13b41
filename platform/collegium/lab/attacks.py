"""Dishonest nodes, as Flower mods around an honest app.

Each mod changes only what a real attacker controls: what its node trains, what it reports when it
scores, what it proposes when it merges, and whether it replies at all. Its keys, commitments and
signatures are valid. The grid of a demonstration sets the attack in the node's ``node_config``; a
hospital's software contains no attacks.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from flwr.app import Array, ArrayRecord, Context, Message, MetricRecord
from flwr.clientapp.typing import ClientAppCallable, Mod

from collegium.flower import wire
from collegium.flower.deliveries import Delivery, Lacking
from collegium.flower.mod import HOME
from collegium.protocol import signing
from collegium.protocol.container import encode_state
from collegium.roles import aggregator
from collegium.roles.node import Node

Tensors = dict[str, npt.NDArray[np.float32]]
Distortion = Callable[[Tensors, Tensors, np.random.Generator], Tensors]

_RIDE = 1e-4  # standard deviation of the free rider's noise: too small to change an output
_NOISE = 2e-2  # standard deviation per lane, about that of an honest update


def free_rider(start: Tensors, trained: Tensors, rng: np.random.Generator) -> Tensors:
    """Return the round's start with a little noise, as if it had been trained."""
    return _jitter(start, _RIDE, rng)


def poisoner(start: Tensors, trained: Tensors, rng: np.random.Generator) -> Tensors:
    """Train honestly, then send the opposite change: start − (trained − start)."""
    return {name: 2 * start[name] - trained[name] for name in start}


def noise(start: Tensors, trained: Tensors, rng: np.random.Generator) -> Tensors:
    """Send random changes of the size of an honest update."""
    return _jitter(start, _NOISE, rng)


def liar(reply: Message) -> None:
    """As a validator, report the negative of the measured loss; changes ``reply`` in place."""
    for name, metrics in reply.content.metric_records.items():
        if "loss" in metrics:
            values = {**metrics, "loss": -float(metrics["loss"])}  # type: ignore[arg-type]
            reply.content[name] = MetricRecord(values)


UPDATES: dict[str, tuple[Distortion, bool]] = {
    "free-rider": (free_rider, False),
    "poisoner": (poisoner, True),
    "noise": (noise, False),
}
"""Attacks on updates: the distortion, and whether the node trains first."""

ALTERED_MERGE = "altered-merge"

ATTACKS = (*UPDATES, "liar", "withhold", ALTERED_MERGE)
"""Values of ``--attack``."""

ATTACK = "collegium-attack"
"""Key in the ``node_config`` of a demonstration that names the attack of the node."""

EXPELLED = ("withhold", ALTERED_MERGE)
"""Attacks whose penalties take so much stake that the node is removed in the end."""


def misbehave() -> Mod:
    """A mod with the attacks on training and scoring; it does nothing for honest nodes."""

    def mod(message: Message, context: Context, call_next: ClientAppCallable) -> Message:
        attack = _attack(context)
        if message.metadata.message_type == "train" and attack in UPDATES:
            return _distort(*UPDATES[attack], message, context, call_next)
        reply = call_next(message, context)
        if message.metadata.message_type == "evaluate" and attack == "liar":
            liar(reply)
        return reply

    return mod


def withhold() -> Mod:
    """A mod that commits, but ignores every request for its bytes.

    It is placed outside the attestation, because delivery does not reach the app.
    """

    def mod(message: Message, context: Context, call_next: ClientAppCallable) -> Message:
        record = wire.fields(message)
        if _attack(context) == "withhold" and record is not None and record["step"] == wire.DELIVER:
            raise ConnectionAbortedError("not delivered")
        return call_next(message, context)

    return mod


def alter() -> Mod:
    """A mod that trains and scores honestly, but proposes a merge with one number changed.

    The node sends the altered state with its proposal, because no one signs a proposal without
    its state, and signs the proposal itself if it is in the committee. The mod is placed outside
    the attestation, because merging does not reach the app.
    """

    def mod(message: Message, context: Context, call_next: ClientAppCallable) -> Message:
        record = wire.fields(message)
        act = None if record is None else _ALTERING.get(str(record["step"]))
        # An act that returns None has no reason to cheat here; the honest code runs instead.
        if act is None or _attack(context) != ALTERED_MERGE:
            return call_next(message, context)
        return act(Node.open(str(context.node_config[HOME])), message) or call_next(
            message, context
        )

    return mod


def _attack(context: Context) -> str:
    return str(context.node_config.get(ATTACK, ""))


def _propose_altered(node: Node, message: Message) -> Message | None:
    """Propose a merge whose middle lane is wrong by 1, the least possible error."""
    view, record = node.view(), message.content.config_records[wire.RECORD]
    if view.phase != "Merge":
        return None
    try:
        got = Delivery.read(node, view, record)
    except Lacking:
        return None  # the attestation reports what is missing, and the server asks again
    merged = aggregator.merged(node, view, got.base, got.envelopes)
    lane = node.layout.lanes // 2
    # Away from the limit of int32, where adding 1 would overflow.
    merged[lane] += 1 if merged[lane] < np.iinfo(np.int32).max else -1
    aggregator.propose(node, view, merged)
    return wire.reply(message, state=encode_state(merged))


def _sign_anyway(node: Node, message: Message) -> Message | None:
    """Attest the node's own proposal, if it was drawn for the committee."""
    view = node.view()
    if view.proposer != node.id:
        return None
    proposal = node.domain.merge_digest(view.id, view.proposal)
    return wire.reply(message, signature=signing.sign(proposal, node.keys.signer.key))


_ALTERING: dict[str, Callable[[Node, Message], Message | None]] = {
    wire.MERGE: _propose_altered,
    wire.ATTEST: _sign_anyway,
}


def _distort(
    distortion: Distortion,
    trains: bool,
    message: Message,
    context: Context,
    call_next: ClientAppCallable,
) -> Message:
    name, arrays = wire.arrays_of(message)
    start = {key: array.numpy() for key, array in arrays.items()}
    if trains:
        reply = call_next(message, context)
        trained = {key: a.numpy() for key, a in wire.arrays_of(reply)[1].items()}
    else:
        metrics = MetricRecord({"num-examples": 1000})  # any number: the merge ignores it
        reply = Message(message.content.copy(), reply_to=message)
        reply.content["metrics"] = metrics
        trained = start
    # By node and round, so that a run can be repeated.
    rng = np.random.default_rng([context.node_id, int(message.metadata.group_id or 0)])
    sent = distortion(start, trained, rng)
    reply.content[name] = ArrayRecord({key: Array(value) for key, value in sent.items()})
    return reply


def _jitter(start: Tensors, scale: float, rng: np.random.Generator) -> Tensors:
    return {
        name: values + rng.normal(0.0, scale, values.shape).astype(np.float32)
        for name, values in start.items()
    }
