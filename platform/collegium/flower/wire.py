"""How the protocol's steps are carried in Flower messages.

Every step is an ordinary ``train`` or ``evaluate`` message with one more ``ConfigRecord``, named
``collegium``. Apps without the protocol ignore it. Replies have one under the same name.
"""

from collections.abc import Collection, Mapping
from typing import Any

from flwr.app import ArrayRecord, ConfigRecord, Message, MessageType, RecordDict

RECORD = "collegium"
"""Name of the protocol's record in a message."""

HELLO, UPDATE, DELIVER, VOTE, REVEAL, MERGE, ATTEST = (
    "hello",
    "update",
    "deliver",
    "vote",
    "reveal",
    "merge",
    "attest",
)

BASE, PROPOSED = "base", "proposed"
"""Names of state files; the name of a sealed update is the id of its node, in decimal."""


def request(step: str, node: int, round_id: int, **fields: Any) -> Message:
    """A request to carry out one step; all steps except training have this form."""
    record = ConfigRecord({"step": step, "round": round_id, **fields})
    group = str(round_id)
    return Message(RecordDict({RECORD: record}), node, MessageType.EVALUATE, group_id=group)


def training(message: Message, round_id: int, base: bytes) -> Message:
    """Turn a strategy's training message into one of the protocol.

    The state file replaces the arrays, because a node can check it against the chain.
    """
    message.content[arrays_of(message)[0]] = ArrayRecord()
    message.content[RECORD] = ConfigRecord({"step": UPDATE, "round": round_id, "base": base})
    return message


def reply(message: Message, **fields: Any) -> Message:
    """The reply to a request."""
    return Message(RecordDict({RECORD: ConfigRecord(fields)}), reply_to=message)


def fields(message: Message) -> ConfigRecord | None:
    """The record of the protocol in a message, if it has one."""
    if not message.has_content() or RECORD not in message.content.config_records:
        return None
    return message.content.config_records[RECORD]


def data(record: Mapping[str, Any], name: str) -> bytes:
    """The bytes under a name; raises KeyError if there is nothing, TypeError for another type."""
    value = record[name]
    if not isinstance(value, bytes):
        raise TypeError(f"expected bytes under {name!r}, found {type(value).__name__}")
    return value


def pack(items: Mapping[str, bytes], left_out: Collection[str] = ()) -> dict[str, Any]:
    """Fields of a record: bytes by name, and the names of what the receiver has already."""
    return {"names": list(items), "items": list(items.values()), "left-out": sorted(left_out)}


def unpack(record: Mapping[str, Any]) -> tuple[dict[str, bytes], list[str]]:
    """The items and the names that were left out; inverse of :func:`pack`."""
    return dict(zip(record["names"], record["items"], strict=True)), list(record["left-out"])


def arrays_of(message: Message) -> tuple[str, ArrayRecord]:
    """Name and content of a message's one ``ArrayRecord``; ValueError for none or several."""
    records = list(message.content.array_records.items())
    if len(records) != 1:
        raise ValueError(f"expected one ArrayRecord, found {[name for name, _ in records]}")
    return records[0]
