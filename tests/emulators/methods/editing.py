"""Methods that change or remove a message, and answers to button presses."""

from __future__ import annotations

from typing import Any

from emulators import entities, errors, render
from emulators.errors import bad_request
from emulators.methods.checks import Handler, Request, has_right, keyboard_of, message_of, require_right, writable_chat
from emulators.model import Chat, Message

DELETE_LIMIT_S = 48 * 3600
MAX_ANSWER = 200


def edit_text(request: Request) -> Any:
    message = _own_message(request)
    if "text" not in message.content:
        raise bad_request("there is no text in the message to edit")
    text = entities.message_text(request["text"], request.get("parse_mode"), request.get("entities"))
    return _change(request, message, text)


def edit_caption(request: Request) -> Any:
    message = _own_message(request)
    if "text" in message.content:
        raise bad_request("there is no caption in the message to edit")
    given = (request.get("caption"), request.get("parse_mode"), request.get("caption_entities"))
    kept = {name: value for name, value in message.content.items() if not name.startswith("caption")}
    return _change(request, message, kept | entities.message_caption(*given))


def edit_markup(request: Request) -> Any:
    message = _own_message(request)
    return _change(request, message, message.content)


def delete_message(request: Request) -> Any:
    chat = writable_chat(request)
    _delete(request, chat, message_of(request, chat, "message to delete"))
    return True


def delete_messages(request: Request) -> Any:
    chat = writable_chat(request)
    for message in (m for m in map(chat.find, request["message_ids"]) if m is not None):
        _delete(request, chat, message)
    return True


def answer_callback_query(request: Request) -> Any:
    world = request.world
    press = world.presses.get(request["callback_query_id"])
    if press is None or press.is_answered or world.clock.now() - press.pressed_at > world.press_ttl_s:
        raise bad_request(errors.QUERY_TOO_OLD)
    answer = request.get("text") or ""
    if entities.utf16_length(answer) > MAX_ANSWER:
        raise bad_request("MESSAGE_TOO_LONG")
    press.is_answered, press.answer, press.is_alert = True, answer, bool(request.get("show_alert"))
    return True


def set_reaction(request: Request) -> Any:
    chat = writable_chat(request)
    message = message_of(request, chat, "message to react")
    wanted: list[dict[str, Any]] = request.get("reaction") or []
    if len(wanted) > 1 or message.is_service:  # a bot that is no premium user has one reaction
        raise bad_request(errors.REACTION_INVALID)
    message.reactions[request.world.bot.user_id] = wanted
    return True


def pin(request: Request) -> Any:
    chat = writable_chat(request)
    message = message_of(request, chat, "message to pin")
    _require_pin_right(request, chat)
    if message.message_id in chat.pinned:
        return True
    chat.pinned.append(message.message_id)
    pinned = {"pinned_message": render.message(message, with_reply=False)}
    request.world.post_and_tell(chat, request.world.bot, pinned, thread_id=message.thread_id)
    return True


def unpin(request: Request) -> Any:
    chat = writable_chat(request)
    _require_pin_right(request, chat)
    wanted = request.get("message_id") or (chat.pinned[-1] if chat.pinned else None)
    if wanted not in chat.pinned:
        raise bad_request("message to unpin not found")
    chat.pinned.remove(wanted)
    return True


def unpin_all(request: Request) -> Any:
    chat = writable_chat(request)
    _require_pin_right(request, chat)
    chat.pinned.clear()
    return True


def _own_message(request: Request) -> Message:
    if request.get("chat_id") is None or request.get("message_id") is None:
        raise bad_request("message identifier is not specified")
    message = message_of(request, writable_chat(request), "message to edit")
    if message.sender is not request.world.bot or message.is_service or message.forward_origin is not None:
        raise bad_request("message can't be edited")
    return message


def _change(request: Request, message: Message, content: dict[str, Any]) -> Any:
    markup = keyboard_of(request)
    if (content, markup) == (message.content, message.reply_markup):
        raise bad_request(errors.NOT_MODIFIED)
    message.history.append(message.text)
    message.content, message.reply_markup = content, markup
    message.edited_at = request.world.clock.now()
    return render.message(message)


def _delete(request: Request, chat: Chat, message: Message) -> None:
    is_own = message.sender is request.world.bot
    if request.world.clock.now() - message.sent_at > DELETE_LIMIT_S and not has_right(request, chat, "can_delete_messages"):
        raise bad_request("message can't be deleted for everyone")
    if chat.owner is None and not is_own:
        require_right(request, chat, "can_delete_messages", "message can't be deleted")
    message.is_deleted = True


def _require_pin_right(request: Request, chat: Chat) -> None:
    if chat.owner is None:
        require_right(request, chat, "can_pin_messages", "not enough rights to manage pinned messages in the chat")


HANDLERS: dict[str, Handler] = {
    "editMessageText": edit_text,
    "editMessageCaption": edit_caption,
    "editMessageReplyMarkup": edit_markup,
    "deleteMessage": delete_message,
    "deleteMessages": delete_messages,
    "answerCallbackQuery": answer_callback_query,
    "setMessageReaction": set_reaction,
    "pinChatMessage": pin,
    "unpinChatMessage": unpin,
    "unpinAllChatMessages": unpin_all,
}
