"""The node's seam into Flower: ``ClientApp(mods=[attest()])``.

The app trains and evaluates as before. After training, the mod quantises what changed, signs it and
keeps it at the node; the reply carries no arrays. When a node is asked to validate, the mod scores
coalitions with the app's own ``evaluate`` function.
"""

import copy
import time
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message, RecordDict
from flwr.clientapp.typing import ClientAppCallable, Mod

from collegium.errors import RoundFailed, WrongMerge
from collegium.flower import wire
from collegium.flower.deliveries import Delivery, Lacking
from collegium.protocol.container import encode_state
from collegium.protocol.state import to_float
from collegium.roles import aggregator, contributor, greeting, validator
from collegium.roles.node import Node
from collegium.workspace.home import NodeHome

HOME = "collegium-home"
"""Key in a SuperNode's ``node_config`` whose value is the path of the node's folder."""

SCORING = "collegium-scoring"
"""Key that is true in the config of evaluate messages that serve scoring."""


def attest(home: str | None = None, loss: str = "loss") -> Mod:
    """A Flower mod that signs and commits the updates of a ClientApp.

    Args:
        home: folder of the node; by default ``node_config["collegium-home"]``.
        loss: name of the metric of the app's evaluate function that training minimises.

    Returns:
        The mod. It passes messages of servers without the protocol through unchanged.
    """

    def mod(message: Message, context: Context, call_next: ClientAppCallable) -> Message:
        record = wire.fields(message)
        if record is None:
            return call_next(message, context)
        started = time.perf_counter()
        folder = home or str(context.node_config[HOME])
        step = _Step(folder, message, context, call_next, loss)
        step.expect_round()
        try:
            reply = _STEPS[str(record["step"])](step)
        except Lacking as lacking:
            reply = wire.reply(message, lacks=list(lacking.names))
        if (sent := wire.fields(reply)) is not None:
            sent["app_s"], sent["step_s"] = step.app_s, time.perf_counter() - started
        return reply

    return mod


def _node(home: str, signer: str = "") -> Node:
    """The node in a folder, acting with its newest keys or with those of a signer."""
    return _open(home, NodeHome(home).version, signer)


@lru_cache(maxsize=64)
def _open(home: str, version: tuple[int, ...], signer: str) -> Node:
    return _node(home).as_signer(signer) if signer else Node.open(home)


class _Step:
    """One message, with what is needed to carry it out."""

    def __init__(
        self,
        home: str,
        message: Message,
        context: Context,
        call_next: ClientAppCallable,
        loss: str,
    ) -> None:
        newest = _node(home)
        self.message, self.view = message, newest.view()
        self.node = _node(home, self.view.nodes[newest.id].signer)  # keys may have been rotated
        self.record = wire.fields(message) or ConfigRecord()
        self.app_s = 0.0
        self._context, self._call_next, self._loss = context, call_next, loss

    def expect_round(self) -> None:
        """Raise RoundFailed if the message is about a round other than the newest.

        A greeting is valid at any time: it is how a server finds its nodes.
        """
        if self.record["step"] != wire.HELLO and self.record["round"] != self.view.id:
            raise RoundFailed(
                expected=f"a message about round {self.view.id}",
                found=f"one about round {self.record['round']!r}",
                action="Nothing to do: the message's round is over, or not on this chain.",
            )

    def delivery(self) -> Delivery:
        """The content of the message; raises Lacking."""
        return Delivery.read(self.node, self.view, self.record)

    def call_app(self, message: Message | None = None) -> Message:
        """The app's reply to a message, by default to this one; counts the app's seconds."""
        started = time.perf_counter()
        try:
            return self._call_next(message or self.message, self._context)
        finally:
            self.app_s += time.perf_counter() - started

    def loss(self, vector: npt.NDArray[np.float32]) -> float:
        """The app's loss of an adapter (float32 ``[padded]``), by its evaluate function.

        Raises:
            ValueError: the app reports no metric of the agreed name.
        """
        asked = copy.copy(self.message)
        asked.__dict__ = dict(self.message.__dict__)  # or new content would change the original
        arrays, config = str(self.record["arrays"]), str(self.record["config"])
        asked.content = RecordDict(
            {arrays: _arrays(self.node, vector), config: ConfigRecord({SCORING: True})}
        )
        reply = self.call_app(asked)
        for metrics in reply.content.metric_records.values():
            if self._loss in metrics:
                return float(metrics[self._loss])  # type: ignore[arg-type]
        raise ValueError(f"the app's evaluate function returned no metric named {self._loss!r}")


def _hello(step: _Step) -> Message:
    peer = step.message.metadata.dst_node_id
    signature = greeting.introduce(step.node, wire.data(step.record, "challenge"), peer)
    return wire.reply(step.message, node=step.node.id, signature=signature)


def _update(step: _Step) -> Message:
    node, view = step.node, step.view
    made = contributor.prepared(node, view)
    metrics = {}
    if made is None:
        view.expect("Commit")
        # The app starts from the state on the chain, not from arrays that the server may have sent.
        start = to_float(aggregator.read_base(node, view, wire.data(step.record, "base")))
        name = wire.arrays_of(step.message)[0]
        step.message.content[name] = _arrays(node, start)
        reply = step.call_app()
        if reply.has_error():
            return reply
        trained = node.layout.flatten(_numpy(wire.arrays_of(reply)[1]))
        metrics = dict(reply.content.metric_records.items())
        made = contributor.prepare(node, view, trained, start, _samples(reply))
    if node.settings.commit == "self":
        contributor.commit(node, view, made)
    sent = wire.reply(
        step.message,
        node=made.node,
        digest=made.digest,
        signature=made.signature,
        bits=made.bits,
        size=made.size,
    )
    for name, record in metrics.items():
        sent.content[name] = record
    return sent


def _deliver(step: _Step) -> Message:
    envelope = contributor.deliver(step.node, step.view)
    return wire.reply(step.message, envelope=envelope)


def _vote(step: _Step) -> Message:
    got = step.delivery()
    made = validator.vote(step.node, step.view, got.base, got.envelopes, step.loss)
    validator.seal(step.node, step.view, made)
    found = [(n, f.code) for n, findings in made.findings.items() for f in findings]
    return wire.reply(
        step.message,
        nodes=[n for n, _ in found],
        codes=[code for _, code in found],
    )


def _reveal(step: _Step) -> Message:
    validator.reveal(step.node, step.view)
    return wire.reply(step.message)


def _merge(step: _Step) -> Message:
    got = step.delivery()
    state = aggregator.merged(step.node, step.view, got.base, got.envelopes)
    aggregator.propose(step.node, step.view, state)
    return wire.reply(step.message, state=encode_state(state))


def _attest(step: _Step) -> Message:
    got = step.delivery()
    try:
        judged = validator.judge(step.node, step.view, got.base, got.envelopes, got.proposed)
    except WrongMerge:
        if wire.PROPOSED in got.left_out:  # only a node that disputes a proposal needs its state
            raise Lacking(wire.PROPOSED) from None
        raise
    return wire.reply(step.message, signature=judged.signature or b"")


_STEPS: dict[str, Callable[[_Step], Message]] = {
    wire.HELLO: _hello,
    wire.UPDATE: _update,
    wire.DELIVER: _deliver,
    wire.VOTE: _vote,
    wire.REVEAL: _reveal,
    wire.MERGE: _merge,
    wire.ATTEST: _attest,
}


def _arrays(node: Node, vector: npt.NDArray[np.float32]) -> ArrayRecord:
    return ArrayRecord({name: Array(a) for name, a in node.layout.unflatten(vector).items()})


def _numpy(record: ArrayRecord) -> dict[str, npt.NDArray[np.float32]]:
    return {name: array.numpy() for name, array in record.items()}


def _samples(reply: Message) -> int:
    """The app's own count; it is declared in the manifest and has no effect on the merge."""
    for metrics in reply.content.metric_records.values():
        if "num-examples" in metrics:
            return int(metrics["num-examples"])  # type: ignore[arg-type]
    return 0
