"""Methods that look: the bot itself, chats and their members, files; and the typing indicator."""

from __future__ import annotations

from typing import Any

from emulators import errors, render
from emulators.errors import bad_request
from emulators.methods.checks import Handler, Request, readable_chat, thread_of, writable_chat

MAX_DOWNLOAD = 20 * 1024 * 1024
CHAT_ACTIONS = (
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
)


def get_me(request: Request) -> Any:
    return render.bot_user(request.world.bot)


def get_chat(request: Request) -> Any:
    return render.full_chat(readable_chat(request))


def get_member(request: Request) -> Any:
    world, chat = request.world, readable_chat(request)
    account = world.accounts.get(request["user_id"])
    if account is None:
        raise bad_request("member not found")
    if chat.owner is not None:
        return {"status": "member", "user": render.user(account)}
    return render.member(chat, account, is_bot=account is world.bot)


def get_administrators(request: Request) -> Any:
    world, chat = request.world, readable_chat(request)
    if chat.owner is not None:
        raise bad_request(errors.NO_ADMINISTRATORS)
    leading = [chat.creator_id, *(user_id for user_id in chat.administrators if user_id != world.bot.user_id)]
    if chat.bot_status == "administrator":
        leading.append(world.bot.user_id)
    accounts = [world.accounts[user_id] for user_id in dict.fromkeys(leading) if user_id is not None]
    return [render.member(chat, account, is_bot=account is world.bot) for account in accounts]


def get_member_count(request: Request) -> Any:
    chat = readable_chat(request)
    return 2 if chat.owner is not None else len(chat.members) + 1


def send_action(request: Request) -> Any:
    chat = writable_chat(request)
    if request["action"] not in CHAT_ACTIONS:
        raise bad_request("wrong parameter action in request")
    chat.actions.append((request["action"], thread_of(request, chat)))
    return True


def get_file(request: Request) -> Any:
    stored = request.world.files.get(request["file_id"])
    if stored is None:
        raise bad_request(errors.WRONG_FILE_ID)
    if stored.size > MAX_DOWNLOAD:
        raise bad_request(errors.FILE_TOO_BIG)
    return render.file(stored)


HANDLERS: dict[str, Handler] = {
    "getMe": get_me,
    "getChat": get_chat,
    "getChatMember": get_member,
    "getChatAdministrators": get_administrators,
    "getChatMemberCount": get_member_count,
    "sendChatAction": send_action,
    "getFile": get_file,
}
