"""Content fields for files: an upload becomes stored bytes, a ``file_id`` refers to them again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulators.errors import WRONG_FILE_ID, bad_request
from emulators.model import StoredFile
from emulators.schema import Upload
from emulators.world import World

DEFAULT_NAMES = {
    "photo": ("photo.jpg", "image/jpeg"),
    "document": ("document.pdf", "application/pdf"),
    "voice": ("voice.ogg", "audio/ogg"),
    "sticker": ("sticker.webp", "image/webp"),
    "video": ("video.mp4", "video/mp4"),
    "audio": ("audio.mp3", "audio/mpeg"),
}
_ATTACH = "attach://"


def content(
    world: World, kind: str, given: Upload | str, uploads: Mapping[str, Upload], details: Mapping[str, Any]
) -> dict[str, Any]:
    """Content fields of a media message the bot sends.

    ``given`` is an upload, ``attach://name``, an address or a ``file_id``; ``details`` are the other
    parameters, of which duration and the like are passed on.
    """
    return {kind: describe(kind, _resolve(world, kind, given, uploads), details)}


def describe(kind: str, stored: StoredFile, details: Mapping[str, Any]) -> Any:
    """The Bot API object of a file: PhotoSize list, Document, Voice, Sticker, Video or Audio."""
    common = {"file_id": stored.file_id, "file_unique_id": stored.unique_id, "file_size": stored.size}
    named = {"file_name": stored.file_name, "mime_type": stored.mime_type}
    match kind:
        case "photo":  # two sizes, smallest first, as bots are expected to take the last
            thumbnail = {"file_id": f"{stored.file_id}s", "file_unique_id": f"{stored.unique_id}s"}
            return [
                thumbnail | {"width": 90, "height": 60, "file_size": 900},
                common | {"width": 1280, "height": 853},
            ]
        case "document":
            return common | named
        case "voice":
            return common | {"duration": details.get("duration", 3), "mime_type": stored.mime_type}
        case "sticker":
            shape = {"type": "regular", "width": 512, "height": 512, "is_animated": False, "is_video": False}
            return common | shape | {"emoji": details.get("emoji", "👍")}
        case "video":
            return common | named | {"width": 640, "height": 360, "duration": details.get("duration", 5)}
        case "audio":
            return common | named | {"duration": details.get("duration", 60)}
        case _:
            raise ValueError(f"no such kind of file: {kind}")


def _resolve(world: World, kind: str, given: Upload | str, uploads: Mapping[str, Upload]) -> StoredFile:
    if isinstance(given, str) and given.startswith(_ATTACH):
        name = given.removeprefix(_ATTACH)
        if name not in uploads:
            raise bad_request(f"there is no {kind} in the request")
        given = uploads[name]
    default_name, mime_type = DEFAULT_NAMES[kind]
    if isinstance(given, Upload):
        return world.store(given.data, kind=kind, file_name=given.file_name or default_name, mime_type=given.content_type)
    if given.startswith(("http://", "https://")):  # nothing is fetched: the emulator stays offline
        return world.store(given.encode(), kind=kind, file_name=default_name, mime_type=mime_type)
    if given not in world.files:
        raise bad_request(WRONG_FILE_ID)
    return world.files[given]
