"""How the protocol's steps travel inside Flower messages.

Every step is an ordinary ``train`` or ``evaluate`` message with one more ``ConfigRecord``, named
``collegium``, that apps without it ignore. Replies carry theirs under the same name.
"""

from collections.abc import Collection, Mapping
from typing import Any

from flwr.app import ArrayRecord, ConfigRecord, Message, MessageType, RecordDict

RECORD = "collegium"

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
"""Names of state files; a sealed update is named by the id of its node, in decimal."""


def request(step: str, node: int, round_id: int, **fields: Any) -> Message:
    """An instruction to carry out one step; all but the training step are of this form."""
    record = ConfigRecord({"step": step, "round": round_id, **fields})
    group = str(round_id)
    return Message(RecordDict({RECORD: record}), node, MessageType.EVALUATE, group_id=group)


def training(message: Message, round_id: int, base: bytes) -> Message:
    """Make a strategy's training message one of the protocol's.

    The state file takes the place of the arrays: a node can check it against the chain.
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
    """The bytes under a name; raises KeyError or TypeError if there are none."""
    value = record[name]
    if not isinstance(value, bytes):
        raise TypeError(f"expected bytes under {name!r}, found {type(value).__name__}")
    return value


def pack(items: Mapping[str, bytes], left_out: Collection[str] = ()) -> dict[str, Any]:
    """Bytes by name, as values of a record, and the names of what the receiver has already."""
    return {"names": list(items), "items": list(items.values()), "left-out": sorted(left_out)}


def unpack(record: Mapping[str, Any]) -> tuple[dict[str, bytes], list[str]]:
    """Inverse of :func:`pack`."""
    return dict(zip(record["names"], record["items"], strict=True)), list(record["left-out"])


def arrays_of(message: Message) -> tuple[str, ArrayRecord]:
    """The one ``ArrayRecord`` of a message and its name; raises ValueError if it is not one."""
    records = list(message.content.array_records.items())
    if len(records) != 1:
        raise ValueError(f"expected one ArrayRecord, found {[name for name, _ in records]}")
    return records[0]
