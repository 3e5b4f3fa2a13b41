"""A Flower grid on one machine, for the same apps that later run on SuperLink and SuperNodes.

``LocalGrid`` passes every message to the ``ClientApp`` in one of a few long-lived worker processes.
The interpreter limits the training of small models, so processes with one thread each use all
cores, where threads would not. Ray is not needed.
"""

import importlib
import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, as_completed
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from flwr.app import Context, Error, Message, RecordDict
from flwr.serverapp import Grid
from flwr.supercore.run import Run

from collegium.flower.workers import Workers

try:
    from flwr.supercore.task_identity import TaskIdentity
except ImportError:  # Flower before 1.41 keeps the identity on the grid

    class TaskIdentity:  # type: ignore[no-redef]
        run_id = node_id = task_id = 0


SERVER = 1
"""Flower's node id of the server."""
_CLIENT_APP_ERROR = 2  # Flower's ErrorCode.CLIENT_APP_RAISED_EXCEPTION

NodeConfig = Mapping[str, Any]
_log = logging.getLogger(__name__)


@dataclass
class LocalGrid(Grid):
    """Runs a ClientApp for several nodes on this machine.

    Args:
        app: where the ClientApp is, as ``package.module:name``.
        nodes: ``node_config`` by node id; ids start at 2 (1 is the server).
        run_config: what ``flwr run`` would pass.
        workers: number of worker processes; 0 runs the app in this process.
        on_reply: called with each reply as it arrives, for progress displays.
    """

    app: str
    nodes: Mapping[int, NodeConfig]
    run_config: Mapping[str, Any] = field(default_factory=dict)
    workers: int = 0
    on_reply: Callable[[Message], None] = lambda message: None

    def __post_init__(self) -> None:
        _identify()
        self._run = Run.create_empty(run_id=1)
        self._pool = Workers(self.workers, _one_thread) if self.workers else None
        self._pending: dict[str, Future[tuple[Message, RecordDict]]] = {}
        self._contexts = {
            node: Context(
                run_id=1,
                node_id=node,
                node_config=dict(config),
                state=RecordDict(),
                run_config=dict(self.run_config),
            )
            for node, config in self.nodes.items()
        }

    def close(self) -> None:
        """End the worker processes, also in the middle of their work."""
        if self._pool is not None:
            self._pool.close()

    def submit(self, function: Callable[..., Any], *args: Any) -> "Future[Any]":
        """Run other work, such as a baseline, in the same workers."""
        if self._pool is not None:
            return self._pool.submit(function, *args)
        return _done(function, *args)

    # -- Flower's Grid ----------------------------------------------------------------------

    def set_run(self, run: Run) -> None:
        """Set the run that messages belong to."""
        self._run = run

    @property
    def run(self) -> Run:
        """The run that messages belong to."""
        return self._run

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        """A message to one node; it is not sent yet."""
        return Message(content, dst_node_id, message_type, ttl=ttl, group_id=group_id)

    def get_node_ids(self) -> Iterable[int]:
        """Ids of all nodes; on this grid they are always connected."""
        return list(self.nodes)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        """Start the app for each message; returns message ids for :meth:`pull_messages`."""
        ids = []
        for message in messages:
            _name(message)
            context = self._contexts[message.metadata.dst_node_id]
            self._pending[message.metadata.message_id] = self.submit(
                _call, self.app, message, context
            )
            ids.append(message.metadata.message_id)
        return ids

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """The replies that are ready, each of them once."""
        ready = [i for i in message_ids if i in self._pending and self._pending[i].done()]
        return [self._reply(self._pending.pop(i)) for i in ready]

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Send messages and wait for the replies, at most ``timeout`` seconds.

        Late replies are missing from the result; a later :meth:`pull_messages` returns them.
        """
        ids = list(self.push_messages(messages))
        futures = [self._pending[i] for i in ids]
        try:
            for future in as_completed(futures, timeout):
                self.on_reply(future.result()[0])
        except TimeoutError:
            _log.warning("%d replies are late", sum(not f.done() for f in futures))
        return self.pull_messages(ids)

    def _reply(self, future: "Future[tuple[Message, RecordDict]]") -> Message:
        reply, state = future.result()
        # The app changed a copy of the context in its process.
        self._contexts[reply.metadata.src_node_id].state = state
        return reply


def _one_thread() -> None:
    # Before torch is imported; more threads than cores would slow all workers down.
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    _identify()


def _identify() -> None:
    # Flower's own runtimes set this, and its messages need it.
    TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = 1, SERVER, 1


def _name(message: Message) -> None:
    message.metadata.__dict__["_message_id"] = uuid4().hex  # as a SuperLink does; it has no setter


def _call(app: str, message: Message, context: Context) -> tuple[Message, RecordDict]:
    """One message through the ClientApp; an exception becomes an error reply, as in Flower."""
    module, _, name = app.partition(":")
    started = time.perf_counter()
    try:
        reply = getattr(importlib.import_module(module), name)(message, context)
    except Exception as error:
        _log.debug("node %d failed", message.metadata.dst_node_id, exc_info=True)
        reason = f"{type(error).__name__}: {error}"
        reply = Message(Error(code=_CLIENT_APP_ERROR, reason=reason), reply_to=message)
    _name(reply)
    _log.debug("node %d took %.2f s", context.node_id, time.perf_counter() - started)
    return reply, context.state


def _done(function: Callable[..., Any], *args: Any) -> "Future[Any]":
    future: Future[Any] = Future()
    try:
        future.set_result(function(*args))
    except Exception as error:
        future.set_exception(error)
    return future
