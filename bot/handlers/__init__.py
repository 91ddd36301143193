"""Telegram in: which update goes to which use case.

Order matters: within one group python-telegram-bot runs the first handler that fits. The last one catches every update that
is nobody's, so that it too has a recorded end.
"""

from typing import Any

from telegram import Update
from telegram.ext import Application, CallbackQueryHandler, ChatMemberHandler, MessageHandler, TypeHandler, filters

from bot.handlers import callbacks, members, messages
from bot.handlers.binding import bind
from bot.service.app import App


def register(application: Application[Any, Any, Any, Any, Any, Any], app: App) -> None:
    """Add all handlers to ``application``, each bound to ``app``."""
    private = filters.ChatType.PRIVATE
    group = filters.ChatType.GROUPS
    application.add_handlers(
        [
            MessageHandler(group & (filters.StatusUpdate.ALL), bind(messages.service_event, app)),
            MessageHandler(private, bind(messages.private, app)),
            MessageHandler(group, bind(messages.group, app)),
            CallbackQueryHandler(bind(callbacks.pressed, app)),
            ChatMemberHandler(bind(members.changed, app), ChatMemberHandler.MY_CHAT_MEMBER),
            TypeHandler(Update, bind(messages.service_event, app)),
        ]
    )
