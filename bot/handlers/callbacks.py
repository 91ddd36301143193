"""Button presses. The spinner on the button is stopped before anything else: it costs the person's patience."""

from telegram import Update

from bot.handlers.convert import from_button
from bot.service import desk
from bot.service.answer_message import answer_message
from bot.service.app import App
from bot.service.ports import OF_CASE


async def pressed(update: Update, app: App) -> None:
    """A button was pressed, in a private chat or in the staff group."""
    message = from_button(update)
    # Who is on call is given a case's button in private.
    if not message.is_private or (message.button or "").startswith(OF_CASE):
        await desk.handle_press(message, app)
        return
    if message.callback_id is not None:
        await app.messenger.answer_button(message.callback_id)
    await answer_message(message, app)
