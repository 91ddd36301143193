"""What the bot says about itself (commands, descriptions) and where updates are to go (webhook)."""

from __future__ import annotations

import json
import re
from typing import Any

from emulators.errors import bad_request
from emulators.methods.checks import Handler, Request
from emulators.updates import Webhook

_COMMAND = re.compile(r"[a-z0-9_]{1,32}")
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
_LOCAL = ("http://127.0.0.1", "http://localhost")
MAX_COMMANDS = 100
LIMITS = {"description": 512, "short_description": 120, "name": 64}


def set_commands(request: Request) -> Any:
    commands: list[dict[str, str]] = request["commands"]
    if len(commands) > MAX_COMMANDS:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    for command in commands:
        if not _COMMAND.fullmatch(command["command"].removeprefix("/")):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(command["description"]) <= 256:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    request.world.settings.commands[_command_key(request)] = commands
    return True


def get_commands(request: Request) -> Any:
    return request.world.settings.commands.get(_command_key(request), [])


def delete_commands(request: Request) -> Any:
    request.world.settings.commands.pop(_command_key(request), None)
    return True


def set_text(what: str) -> Handler:
    def store(request: Request) -> Any:
        text = request.get(what) or ""
        if len(text) > LIMITS[what]:
            raise bad_request(f"BOT_{what.upper()}_TOO_LONG")
        _texts(request, what)[request.get("language_code") or ""] = text
        return True

    return store


def get_text(what: str) -> Handler:
    """The text for a language, or else the one for all languages."""

    def load(request: Request) -> Any:
        texts = _texts(request, what)
        return {what: texts.get(request.get("language_code") or "") or texts.get("", "")}

    return load


def set_webhook(request: Request) -> Any:
    url = request["url"]
    if not url:
        return delete_webhook(request)
    if not url.startswith(("https://", *_LOCAL)):
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    secret = request.get("secret_token")
    if secret and not _SECRET.fullmatch(secret):
        raise bad_request("secret token contains unallowed characters")
    queue = request.world.updates
    queue.end_poll()
    queue.allow(request.get("allowed_updates"))
    if request.get("drop_pending_updates"):
        queue.drop_all()
    queue.webhook = Webhook(url, secret, request.get("max_connections", 40))
    queue.wake()
    return True


def delete_webhook(request: Request) -> Any:
    queue = request.world.updates
    if request.get("drop_pending_updates"):
        queue.drop_all()
    queue.webhook = None
    queue.wake()
    return True


def webhook_info(request: Request) -> Any:
    queue = request.world.updates
    hook = queue.webhook
    info: dict[str, Any] = {"url": hook.url if hook else "", "has_custom_certificate": False}
    info["pending_update_count"] = len(queue.pending)
    if hook:
        info["max_connections"] = hook.max_connections
    if hook and hook.last_error is not None and hook.last_error_at is not None:
        info |= {"last_error_date": int(hook.last_error_at), "last_error_message": hook.last_error}
    if queue.allowed is not None:
        info["allowed_updates"] = sorted(queue.allowed)
    return info


def _command_key(request: Request) -> tuple[str, str]:
    scope = request.get("scope") or {"type": "default"}
    return json.dumps(scope, sort_keys=True), request.get("language_code") or ""


def _texts(request: Request, what: str) -> dict[str, str]:
    settings = request.world.settings
    return {
        "description": settings.descriptions,
        "short_description": settings.short_descriptions,
        "name": settings.names,
    }[what]


HANDLERS: dict[str, Handler] = {
    "setMyCommands": set_commands,
    "getMyCommands": get_commands,
    "deleteMyCommands": delete_commands,
    "setMyDescription": set_text("description"),
    "getMyDescription": get_text("description"),
    "setMyShortDescription": set_text("short_description"),
    "getMyShortDescription": get_text("short_description"),
    "setMyName": set_text("name"),
    "getMyName": get_text("name"),
    "setWebhook": set_webhook,
    "deleteWebhook": delete_webhook,
    "getWebhookInfo": webhook_info,
}
