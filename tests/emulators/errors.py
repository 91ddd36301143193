"""Telegram's refusals, in Telegram's words.

Texts marked *server* stand in the source of the official Bot API server or of TDLib; the others were
seen in reports of users. ``bot.adapters`` compares them, so a wrong letter here hides a real bug.
"""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """The call is refused: becomes ``{"ok": false, "error_code": ..., "description": ...}``."""

    def __init__(self, code: int, description: str, parameters: dict[str, Any] | None = None) -> None:
        super().__init__(f"{code} {description}")
        self.code = code
        self.description = description
        self.parameters = parameters

    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"ok": False, "error_code": self.code, "description": self.description}
        return body | ({"parameters": self.parameters} if self.parameters else {})


def bad_request(text: str) -> ApiError:
    return ApiError(400, f"Bad Request: {text}")


def forbidden(text: str) -> ApiError:
    return ApiError(403, f"Forbidden: {text}")


def conflict(text: str) -> ApiError:
    return ApiError(409, f"Conflict: {text}")


def too_many_requests(retry_after_s: int) -> ApiError:
    return ApiError(429, f"Too Many Requests: retry after {retry_after_s}", {"retry_after": retry_after_s})


def migrated(new_chat_id: int) -> ApiError:
    text = "Bad Request: group chat was upgraded to a supergroup chat"  # server
    return ApiError(400, text, {"migrate_to_chat_id": new_chat_id})


# server: Client.cpp, the rewriting table and the access checks
UNAUTHORIZED = (401, "Unauthorized")
METHOD_NOT_FOUND = (404, "Not Found: method not found")
CHAT_NOT_FOUND = "chat not found"
THREAD_NOT_FOUND = "message thread not found"
NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)
QUERY_TOO_OLD = "query is too old and response timeout expired or query ID is invalid"
REPLY_NOT_FOUND = "message to be replied not found"
NO_ADMINISTRATORS = "there are no administrators in the private chat"
FILE_TOO_BIG = "file is too big"
WRONG_FILE_ID = "wrong file_id or the file is temporarily unavailable"
BLOCKED = "bot was blocked by the user"
DEACTIVATED = "user is deactivated"
KICKED = "bot was kicked from the supergroup chat"
NOT_A_FORUM = "the chat is not a forum"
OTHER_POLLER = "terminated by other getUpdates request; make sure that only one bot instance is running"
POLL_ENDED_BY_WEBHOOK = "terminated by setWebhook request"
WEBHOOK_ACTIVE = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
# Telegram's own upper-case codes, passed through unchanged
TOPIC_CLOSED = "TOPIC_CLOSED"
TOPIC_DELETED = "TOPIC_DELETED"
TOPIC_ID_INVALID = "TOPIC_ID_INVALID"
TOPIC_NOT_MODIFIED = "TOPIC_NOT_MODIFIED"
BUTTON_DATA_INVALID = "BUTTON_DATA_INVALID"
REACTION_INVALID = "REACTION_INVALID"
# reported
NEVER_STARTED = "bot can't initiate conversation with a user"
TEXT_EMPTY = "message text is empty"
TEXT_TOO_LONG = "message is too long"
CAPTION_TOO_LONG = "message caption is too long"
