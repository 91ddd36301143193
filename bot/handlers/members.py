"""What happens to our own membership: a person blocks us, the staff group removes us."""

from functools import partial

from telegram import ChatMemberUpdated, Update
from telegram.constants import ChatMemberStatus

from bot.domain.ids import ChatId, UpdateId
from bot.domain.turns import Disposition
from bot.service import casework, groups
from bot.service.app import App
from bot.service.ports import UnitOfWork

GONE = {ChatMemberStatus.BANNED, ChatMemberStatus.LEFT}


async def changed(update: Update, app: App) -> None:
    """Our status in a chat changed."""
    event = update.my_chat_member
    if event is None:
        raise ValueError(f"Update {update.update_id} carries no membership")
    await app.storage.run(partial(_record, update_id=UpdateId(update.update_id), event=event, app=app))
    app.outbox_bell.ring()


def _record(uow: UnitOfWork, *, update_id: UpdateId, event: ChatMemberUpdated, app: App) -> None:
    now, is_gone = app.clock.now(), event.new_chat_member.status in GONE
    if event.chat.type == "private":
        person = uow.people.for_chat(ChatId(event.chat.id), now=now)
        if is_gone:
            casework.person_unreachable(uow, app, person.id, key=f"blocked:{update_id}", now=now)
        else:
            casework.person_reachable(uow, app, person.id, now=now)
    elif groups.desk_of(uow, app, ChatId(event.chat.id)) == event.chat.id:
        if event.new_chat_member.status == ChatMemberStatus.ADMINISTRATOR:
            uow.incidents.close("desk_unavailable", now=now)
        else:
            uow.incidents.open("desk_unavailable", f"our status is {event.new_chat_member.status}", now=now)
    uow.inbox.finish(update_id, worker=app.worker, disposition=Disposition.SERVICE_EVENT, now=now)
