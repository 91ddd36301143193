"""Staff groups: which team's group shows which cases, also after Telegram has given a group a new id."""

from bot.domain.cases import Case
from bot.domain.ids import ChatId
from bot.service.app import App
from bot.service.ports import UnitOfWork


def group_of(uow: UnitOfWork, app: App, case: Case) -> ChatId | None:
    """Return the group of the team that works this case; None where the office has none."""
    chosen = app.office.groups.get(case.queue, app.office.group_id)
    return None if chosen is None else _current(uow, app, chosen)


def all_groups(uow: UnitOfWork, app: App) -> dict[str, ChatId]:
    """Return every group by the name of its queue; the one of all other queues has an empty name. No group twice."""
    found = {name: _current(uow, app, group) for name, group in _chosen(app).items()}
    return {name: group for n, (name, group) in enumerate(found.items()) if group not in list(found.values())[:n]}


def desk_of(uow: UnitOfWork, app: App, chat_id: ChatId) -> ChatId | None:
    """Return the present id of the group that this is or was; None for a chat that is no group of ours.

    What was posted before a group got its new id may be handled after it.
    """
    ids = ((group, _current(uow, app, group)) for group in _chosen(app).values())
    return next((current for group, current in ids if chat_id in {group, current}), None)


def lane_of(uow: UnitOfWork, app: App, chat_id: ChatId | None) -> ChatId | None:
    """Return under which id the updates of a chat are kept in order: a group that got a new id stays one lane."""
    if chat_id is None or chat_id > 0:
        return chat_id
    return next((group for group in _chosen(app).values() if chat_id == _current(uow, app, group)), chat_id)


def follow(uow: UnitOfWork, app: App, old: ChatId, new: ChatId) -> None:
    """Telegram gave a group a new id: if it is ours, it is found under that from now on, with its cases."""
    for group in set(_chosen(app).values()):
        if old in {group, _current(uow, app, group)}:
            uow.notebook.put(_name(app, group), str(new), now=app.clock.now())
            uow.cases.move_group(old, new)


def _chosen(app: App) -> dict[str, ChatId]:
    """Return the groups the office has named, by queue, under the ids it gave; the one of all other queues has no name."""
    others = {} if app.office.group_id is None else {"": app.office.group_id}
    return others | dict(app.office.groups)


def _current(uow: UnitOfWork, app: App, group: ChatId) -> ChatId:
    moved = uow.notebook.get(_name(app, group))
    return ChatId(int(moved)) if moved else group


def _name(app: App, group: ChatId) -> str:
    return "group_id" if group == app.office.group_id else f"group_id:{group}"
