"""The Bot API methods the emulator answers, by documented name; getUpdates is answered by the server."""

from __future__ import annotations

from emulators.methods import chats, editing, forum, sending, settings
from emulators.methods.checks import Handler, Request

HANDLERS: dict[str, Handler] = {
    **chats.HANDLERS,
    **sending.HANDLERS,
    **editing.HANDLERS,
    **forum.HANDLERS,
    **settings.HANDLERS,
}

__all__ = ["HANDLERS", "Handler", "Request"]
