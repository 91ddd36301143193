"""Updates and deliveries as text: tagged JSON, so that a row tells what it is."""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from bot.domain.deliveries import (
    Aid,
    Board,
    CloseTopic,
    Content,
    Copy,
    Delivery,
    Edit,
    Header,
    Pin,
    Priority,
    Reaction,
    ReopenTopic,
    Text,
    ToCase,
    ToChat,
    ToPerson,
    WireButton,
)
from bot.domain.ids import CaseMessageId, ChatId

ADDRESSES: dict[str, type[ToPerson | ToCase | ToChat]] = {"person": ToPerson, "case": ToCase, "chat": ToChat}
CONTENTS: dict[str, type[Content]] = {
    "text": Text, "copy": Copy, "reaction": Reaction, "edit": Edit, "pin": Pin, "close_topic": CloseTopic,
    "reopen_topic": ReopenTopic, "header": Header, "aid": Aid, "board": Board,
}  # fmt: skip


def encode_update(chat_id: ChatId | None, payload: Mapping[str, object]) -> str:
    """Return an update with the chat it belongs to, which its lane shows as a hash only."""
    return json.dumps({"chat": chat_id, "update": payload})


def decode_update(text: str) -> tuple[ChatId | None, dict[str, object]]:
    """Return what ``encode_update`` was given."""
    value = json.loads(text)
    return (None if value["chat"] is None else ChatId(value["chat"])), value["update"]


def encode(delivery: Delivery) -> str:
    """Return a delivery as JSON."""
    return json.dumps(
        {
            "address": _tagged(delivery.address, ADDRESSES),
            "content": _tagged(delivery.content, CONTENTS),
            "dedupe_key": delivery.dedupe_key,
            "priority": int(delivery.priority),
            "version": delivery.version,
            "case_message_ids": delivery.case_message_ids,
            "answers": delivery.answers,
            "not_before": delivery.not_before and delivery.not_before.isoformat(),
        },
        ensure_ascii=False,
    )


def decode(text: str) -> Delivery:
    """Return the delivery ``encode`` was given."""
    value = json.loads(text)
    return Delivery(
        address=_untagged(value["address"], ADDRESSES),
        content=_content(value["content"]),
        dedupe_key=value["dedupe_key"],
        priority=Priority(value["priority"]),
        version=value["version"],
        case_message_ids=_case_messages(value),
        answers=value.get("answers"),
        not_before=datetime.fromisoformat(held) if (held := value.get("not_before")) else None,
    )


def _tagged(value: Any, kinds: dict[str, Any]) -> dict[str, Any]:
    tag = next(name for name, kind in kinds.items() if type(value) is kind)
    return {"is": tag, **asdict(value)}


def _untagged(value: dict[str, Any], kinds: dict[str, Any]) -> Any:
    kind = kinds[value["is"]]
    return kind(**{field.name: value[field.name] for field in fields(kind) if field.name in value})


def _case_messages(value: dict[str, Any]) -> tuple[CaseMessageId, ...]:
    """Rows written by an earlier release that wait during an update name one message, or none."""
    earlier = value.get("case_message_id")
    return tuple(value.get("case_message_ids", () if earlier is None else (earlier,)))


def _content(value: dict[str, Any]) -> Any:
    if value["is"] == "copy":
        ids = value.get("message_ids") or (value["message_id"],)  # one, in rows of an earlier release
        return Copy(from_chat_id=value["from_chat_id"], message_ids=tuple(ids), album=value.get("album"))
    if "buttons" in value:
        value = value | {"buttons": tuple(tuple(WireButton(**button) for button in row) for row in value["buttons"])}
    return _untagged(value, CONTENTS)
