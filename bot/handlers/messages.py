"""Messages in private chats and in the staff group."""

from functools import partial

from telegram import Update

from bot.domain.ids import UpdateId
from bot.domain.turns import Disposition
from bot.handlers.convert import from_message
from bot.service import desk
from bot.service.answer_message import answer_message
from bot.service.app import App
from bot.service.ports import UnitOfWork


async def private(update: Update, app: App) -> None:
    """A person wrote to us."""
    await answer_message(from_message(update), app)


async def group(update: Update, app: App) -> None:
    """Somebody posted in a group."""
    await desk.handle_post(from_message(update), app)


async def service_event(update: Update, app: App) -> None:
    """Nothing a person said: recorded, not answered."""
    await app.storage.run(partial(_record, update_id=UpdateId(update.update_id), app=app))


def _record(uow: UnitOfWork, *, update_id: UpdateId, app: App) -> None:
    uow.inbox.finish(update_id, worker=app.worker, disposition=Disposition.SERVICE_EVENT, now=app.clock.now())
