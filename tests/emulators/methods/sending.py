"""Methods that put a message into a chat."""

from __future__ import annotations

from typing import Any

from emulators import entities, media, render
from emulators.errors import bad_request
from emulators.methods.checks import (
    Handler,
    Params,
    Request,
    keyboard_of,
    readable_chat,
    reply_details,
    thread_of,
    writable_chat,
)
from emulators.model import Chat, Message

COPY_LIMIT = 100
ALBUM_KINDS = ("photo", "video", "document", "audio")


def send_message(request: Request) -> Any:
    target = _target(request)
    content = entities.message_text(request["text"], request.get("parse_mode"), request.get("entities"))
    return render.message(_deliver(request, target, content))


def send_media(kind: str) -> Handler:
    """The sender of one kind of file: an upload, or the ``file_id`` of something already there."""

    def send(request: Request) -> Any:
        target = _target(request)
        content = media.content(request.world, kind, request[kind], request.uploads, request.params)
        return render.message(_deliver(request, target, content | _caption(request.params)))

    return send


def send_location(request: Request) -> Any:
    target = _target(request)
    latitude, longitude = request["latitude"], request["longitude"]
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise bad_request("wrong latitude or longitude specified")
    return render.message(_deliver(request, target, {"location": {"latitude": latitude, "longitude": longitude}}))


def send_contact(request: Request) -> Any:
    target = _target(request)
    contact = {name: request[name] for name in ("phone_number", "first_name", "last_name") if request.get(name)}
    return render.message(_deliver(request, target, {"contact": contact}))


def send_media_group(request: Request) -> Any:
    target = _target(request)
    items: list[Params] = request["media"]
    if not 2 <= len(items) <= 10:
        raise bad_request("group of media must contain 2-10 items")
    album = request.world.new_album_id()
    contents = [_album_item(request, item) for item in items]
    return [render.message(_deliver(request, target, content, media_group_id=album)) for content in contents]


def copy_message(request: Request) -> Any:
    source = readable_chat(request, "from_chat_id")
    original = source.find(request["message_id"])
    if original is None:
        raise bad_request("message to copy not found")
    _refuse_uncopyable(original, "copied")
    target = _target(request)
    content = dict(original.content)
    if request.get("caption") is not None and "text" not in content:
        content = _without_caption(content) | _caption(request.params)
    copied = _deliver(request, target, content)
    return {"message_id": copied.message_id}


def copy_messages(request: Request) -> Any:
    sent = []
    for original, album in _batch(request, "copied"):
        content = _without_caption(original.content) if request.get("remove_caption") else dict(original.content)
        sent.append(_deliver(request, _target(request), content, media_group_id=album))
    return [{"message_id": message.message_id} for message in sent]


def forward_message(request: Request) -> Any:
    source = readable_chat(request, "from_chat_id")
    original = source.find(request["message_id"])
    if original is None:
        raise bad_request("message to forward not found")
    _refuse_uncopyable(original, "forwarded")
    return render.message(_forward(request, original, album=None))


def forward_messages(request: Request) -> Any:
    sent = [_forward(request, original, album) for original, album in _batch(request, "forwarded")]
    return [{"message_id": message.message_id} for message in sent]


def _forward(request: Request, original: Message, album: str | None) -> Message:
    origin = original.forward_origin or render.origin(original)
    return _deliver(request, _target(request), dict(original.content), forward_origin=origin, media_group_id=album)


def _target(request: Request) -> tuple[Chat, dict[str, Any]]:
    """The chat, and the details every kind of message has; everything is checked before anything is done."""
    chat = writable_chat(request)
    details: dict[str, Any] = {"thread_id": thread_of(request, chat), "reply_markup": keyboard_of(request)}
    details["is_protected"] = bool(request.get("protect_content"))
    details["is_silent"] = bool(request.get("disable_notification"))
    return chat, details | reply_details(request, chat)


def _deliver(request: Request, target: tuple[Chat, dict[str, Any]], content: dict[str, Any], **more: Any) -> Message:
    chat, details = target
    return request.world.post(chat, request.world.bot, content, **(details | more))


def _caption(params: Params) -> dict[str, Any]:
    return entities.message_caption(params.get("caption"), params.get("parse_mode"), params.get("caption_entities"))


def _without_caption(content: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name not in ("caption", "caption_entities")}


def _album_item(request: Request, item: Params) -> dict[str, Any]:
    if item["type"] not in ALBUM_KINDS:
        raise bad_request("can't use the media of the specified type in the album")
    content = media.content(request.world, item["type"], item["media"], request.uploads, item)
    return content | _caption(item)


def _batch(request: Request, verb: str) -> list[tuple[Message, str | None]]:
    """The messages of a plural call with their new album; those that are gone are left out, as documented."""
    source = readable_chat(request, "from_chat_id")
    wanted: list[int] = request["message_ids"]
    if not 1 <= len(wanted) <= COPY_LIMIT:
        raise bad_request("too many message identifiers specified" if wanted else "message identifiers are not specified")
    if wanted != sorted(set(wanted)):
        raise bad_request("message identifiers must be in a strictly increasing order")
    there = [m for m in map(source.find, wanted) if m is not None and not m.is_service and not m.is_protected]
    if not there:
        raise bad_request(f"there are no messages to {'copy' if verb == 'copied' else 'forward'}")
    albums = {m.media_group_id: request.world.new_album_id() for m in there if m.media_group_id}
    return [(message, albums.get(message.media_group_id or "")) for message in there]


def _refuse_uncopyable(message: Message, verb: str) -> None:
    if message.is_service or message.is_protected:
        raise bad_request(f"the message can't be {verb}")


HANDLERS: dict[str, Handler] = {
    "sendMessage": send_message,
    "sendLocation": send_location,
    "sendContact": send_contact,
    "sendMediaGroup": send_media_group,
    "copyMessage": copy_message,
    "copyMessages": copy_messages,
    "forwardMessage": forward_message,
    "forwardMessages": forward_messages,
} | {f"send{kind.capitalize()}": send_media(kind) for kind in ("photo", "document", "voice", "sticker", "video", "audio")}
