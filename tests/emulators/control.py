"""The person's side over HTTP, for tests whose bot is another process that they kill.

``POST /control/<kind>/<id>/<action>`` with a JSON object calls the method of that name on the user, group or
fault plan. In the arguments ``group``, ``topic``, ``message``, ``reply_to``, ``user`` and ``by`` are given by
number and ``data`` in base64; ``chat`` says where a message stands that is not in the own chat. The answer is
``{"result": ...}``, or 409 with ``{"error": ...}`` when the person could not do that.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from aiohttp import web

from emulators.model import Account, Chat, Message, Press, Topic
from emulators.server import Call
from emulators.telegram import Emulator, Group, NotPossible, User

# What may be called from outside; reading goes through GET below.
USER_ACTIONS = {
    "start",
    "send",
    "send_photo",
    "send_document",
    "send_video",
    "send_voice",
    "send_sticker",
    "send_location",
    "send_contact",
    "send_album",
    "forward",
    "post",
    "post_file",
    "press",
    "edit",
    "delete",
    "react",
    "block",
    "unblock",
    "deactivate",
}
GROUP_ACTIONS = {
    "add_member",
    "remove_member",
    "create_topic",
    "rename_topic",
    "close_topic",
    "reopen_topic",
    "delete_topic",
    "migrate",
    "set_bot_rights",
    "make_bot_plain_member",
    "make_bot_admin",
    "kick_bot",
}
FAULT_ACTIONS = {
    "fail_next",
    "too_many_requests",
    "bad_gateway",
    "drop_after_effect",
    "drop_before_effect",
    "slow",
    "duplicate_updates",
    "chaos",
    "limit_rates",
    "clear",
}


class ControlApi:
    """Translates JSON to calls on the emulator and the answers back."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/control/state", self._state),
            web.get("/control/calls", self._calls),
            web.get("/control/schema_errors", self._schema_errors),
            web.get("/control/users/{id}", self._user),
            web.get("/control/groups/{id}", self._group),
            web.get("/control/presses/{id}", self._press),
            web.post("/control/users", self._add_user),
            web.post("/control/groups", self._add_group),
            web.post("/control/users/{id}/{action}", self._user_action),
            web.post("/control/groups/{id}/{action}", self._group_action),
            web.post("/control/faults/{action}", self._fault_action),
            web.post("/control/advance", self._advance),
        ]

    def snapshot(self) -> dict[str, Any]:
        """Everything a test may want to read after the fact."""
        tg = self._emulator
        return {
            "pending_updates": tg.pending_updates,
            "users": [self._describe_user(user) for user in tg.users.values()],
            "groups": [self._describe_group(group) for group in tg.groups.values()],
            "schema_errors": tg.schema_errors,
            "updates": len(tg.updates),
            "calls": [describe(call) for call in tg.calls],
        }

    async def _state(self, http: web.Request) -> web.Response:
        state = self.snapshot()
        del state["calls"]
        return _result(state)

    async def _calls(self, http: web.Request) -> web.Response:
        """``?since=`` skips that many calls, ``?method=`` keeps one method; getUpdates is left out otherwise."""
        method = http.query.get("method")
        calls = self._emulator.calls[int(http.query.get("since", 0)) :]
        kept = [call for call in calls if (call.method == method if method else call.method != "getUpdates")]
        return _result([describe(call) for call in kept])

    async def _schema_errors(self, http: web.Request) -> web.Response:
        return _result(self._emulator.schema_errors)

    async def _user(self, http: web.Request) -> web.Response:
        return _result(self._describe_user(self._emulator.users[int(http.match_info["id"])]))

    async def _group(self, http: web.Request) -> web.Response:
        return _result(self._describe_group(self._find_group(int(http.match_info["id"]))))

    async def _press(self, http: web.Request) -> web.Response:
        return _result(describe(self._emulator.press_of(http.match_info["id"])))

    async def _add_user(self, http: web.Request) -> web.Response:
        return _result(self._describe_user(self._emulator.add_user(**await http.json())))

    async def _add_group(self, http: web.Request) -> web.Response:
        given = await http.json()
        given["members"] = [self._emulator.users[number] for number in given.get("members", [])]
        return _result(self._describe_group(self._emulator.add_group(**given)))

    async def _user_action(self, http: web.Request) -> web.Response:
        user = self._emulator.users[int(http.match_info["id"])]
        return await self._act(http, user, USER_ACTIONS, user.chat)

    async def _group_action(self, http: web.Request) -> web.Response:
        group = self._find_group(int(http.match_info["id"]))
        return await self._act(http, group, GROUP_ACTIONS, group.chat)

    async def _fault_action(self, http: web.Request) -> web.Response:
        return await self._act(http, self._emulator.faults, FAULT_ACTIONS, None)

    async def _advance(self, http: web.Request) -> web.Response:
        self._emulator.advance((await http.json())["seconds"])
        return _result(None)

    async def _act(self, http: web.Request, actor: Any, allowed: set[str], chat: Chat | None) -> web.Response:
        action = http.match_info["action"]
        if action not in allowed:
            return web.json_response({"error": f"no action {action!r}; there are {sorted(allowed)}"}, status=404)
        try:
            arguments = self._arguments(await http.json() if http.can_read_body else {}, chat)
            return _result(describe(getattr(actor, action)(**arguments)))
        except (NotPossible, LookupError, TypeError, ValueError) as error:
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=409)

    def _arguments(self, given: dict[str, Any], chat: Chat | None) -> dict[str, Any]:
        """Replace numbers by what they name; messages and topics are looked up in ``group``, ``chat`` or the own chat."""
        arguments = dict(given)
        if "group" in given:
            group = arguments["group"] = self._find_group(given["group"])
            chat = group.chat
        if "chat" in given:
            chat = self._emulator.world.chats[arguments.pop("chat")]
        for name in given.keys() & {"user", "by"}:
            arguments[name] = self._emulator.users[given[name]]
        if given.get("topic") is not None and chat is not None:
            arguments["topic"] = chat.topics[given["topic"]]
        for name in given.keys() & {"message", "reply_to"}:
            arguments[name] = chat.messages[given[name]] if chat is not None and given[name] else None
        if "data" in given:
            arguments["data"] = base64.b64decode(given["data"])
        return arguments

    def _find_group(self, chat_id: int) -> Group:
        """By its present number or by one it had before it migrated."""
        found = next((g for g in self._emulator.groups.values() if g.chat_id == chat_id), None)
        return found or self._emulator.groups[chat_id]

    def _describe_user(self, user: User) -> dict[str, Any]:
        profile: dict[str, Any] = describe(user.account)
        return profile | {"inbox": describe(user.inbox), "messages": describe(user.chat.present)}

    def _describe_group(self, group: Group) -> dict[str, Any]:
        topics = [describe(topic) | {"messages": describe(topic.messages)} for topic in group.topics]
        basic: dict[str, Any] = describe(group.chat)
        return basic | {"topics": topics, "general": describe(group.general)}


def describe(value: Any) -> Any:
    """A JSON value for whatever the person's side returns."""
    if isinstance(value, list):
        return [describe(element) for element in value]
    describer = _DESCRIBERS.get(type(value))
    return describer(value) if describer else value


def _describe_message(message: Message) -> dict[str, Any]:
    return {
        "chat_id": message.chat.chat_id,
        "message_id": message.message_id,
        "thread_id": message.thread_id,
        "from": message.sender.user_id,
        "is_bot": message.sender.is_bot,
        "kind": message.kind,
        "text": message.text,
        "buttons": message.buttons,
        "reply_to": message.reply_to.message_id if message.reply_to else None,
        "media_group_id": message.media_group_id,
        "reactions": message.emoji,
        "history": message.history,
        "sent_at": message.sent_at,
    }


def _describe_call(call: Call) -> dict[str, Any]:
    return {
        "method": call.method,
        "params": {name: _plain(given) for name, given in call.params.items()},
        "at": call.at,
        "took_s": round(call.took_s, 4),
        "outcome": call.outcome,
        "fault": call.fault,
    }


def _fields(*names: str) -> Callable[[Any], dict[str, Any]]:
    return lambda value: {name: getattr(value, name) for name in names}


_DESCRIBERS: dict[type, Callable[[Any], dict[str, Any]]] = {
    Account: _fields("user_id", "first_name", "language_code", "has_blocked"),
    Chat: _fields("chat_id", "title", "migrated_to"),
    Topic: _fields("thread_id", "name", "is_closed"),
    Press: _fields("query_id", "is_answered", "answer", "is_alert"),
    Message: _describe_message,
    Call: _describe_call,
}


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | list | dict) or value is None else repr(value)


def _result(value: Any) -> web.Response:
    return web.json_response({"result": value})
