"""The staff group, without Telegram in between."""

from dataclasses import replace
from datetime import timedelta

from bot.adapters.quiet import QuietMessenger
from bot.domain.cases import Case
from bot.domain.deliveries import Edit, Text
from bot.domain.ids import ChatId, UpdateId
from bot.domain.messages import Incoming, Kind
from bot.domain.people import DeskRole, StaffMember
from bot.service import desk
from bot.service.app import App
from bot.service.budget import Budget
from bot.service.deliver import Sender
from bot.service.ports import RawUpdate, UnitOfWork

GROUP = ChatId(-100_77)
LEA, OMAR, RUTH = ChatId(801), ChatId(802), ChatId(803)


class Desk:
    """The staff group as its members use it."""

    def __init__(self, app: App) -> None:
        self.app = app
        self._updates = 0

    async def member(self, chat: ChatId, role: DeskRole = DeskRole.CASEWORKER, **takes: object) -> StaffMember:
        def join(uow: UnitOfWork) -> StaffMember:
            now = self.app.clock.now()
            uow.staff.invite(str(chat), desk_role=role, expires_at=now + timedelta(hours=1), now=now)
            found = replace(uow.staff.redeem(str(chat), chat_id=chat, now=now), **takes)  # type: ignore[arg-type]
            uow.staff.save(found)
            return found

        return await self.app.storage.run(join)

    async def posts(self, sender: ChatId, text: str, *, thread: int | None = 1, **changes: object) -> None:
        await desk.handle_post(await self._incoming(sender, text=text, thread_id=thread, **changes), self.app)

    async def presses(self, sender: ChatId, label: str) -> str:
        await self.deliver()
        chat, number, token = next(
            (chat, content.message_id if isinstance(content, Edit) else 1000 * (n + 1), button.token)
            for n, (chat, _, content) in reversed(list(enumerate(self.messenger.sent)))
            if isinstance(content, Text | Edit)
            for row in content.buttons
            for button in row
            if button.label == label
        )
        message = await self._incoming(
            sender, kind=Kind.BUTTON, button=token, callback_id="q", chat_id=chat, message_id=number, is_private=chat > 0
        )
        await desk.handle_press(message, self.app)
        return self.messenger.answers[-1]

    async def deliver(self) -> None:
        await Sender(self.app, Budget(overall_per_s=1e6, private_per_s=1e6, group_per_min=6e7)).drain()

    @property
    def messenger(self) -> QuietMessenger:
        assert isinstance(self.app.messenger, QuietMessenger)
        return self.app.messenger

    def shown(self) -> list[Text | Edit]:
        """Every post with buttons, and what became of it, oldest first; calls to colleagues in private too."""
        return [content for chat, _, content in self.messenger.sent if isinstance(content, Text | Edit)]

    def header(self) -> Text | Edit:
        """The newest state of the first post."""
        return [one for one in self.shown() if one.text.startswith(("Case ", "DRILL"))][-1]

    def labels(self) -> list[str]:
        return [button.label for row in self.header().buttons for button in row]

    def texts(self) -> list[Text]:
        return [content for chat, _, content in self.messenger.sent if chat == GROUP and isinstance(content, Text)]

    def words(self) -> str:
        return "\n".join(content.text for content in self.texts())

    async def _incoming(self, sender: ChatId, **changes: object) -> Incoming:
        self._updates += 1
        update_id = UpdateId(5_000_000 + self._updates)
        now = self.app.clock.now()

        def arrive(uow: UnitOfWork) -> None:
            uow.inbox.add([RawUpdate(update_id=update_id, chat_id=GROUP, payload={}, received_at=now)])
            uow.inbox.claim(worker=self.app.worker, now=now, lease_s=600, limit=1)

        await self.app.storage.run(arrive)
        message = Incoming(
            update_id=update_id, chat_id=GROUP, sender_id=sender, message_id=900 + self._updates, kind=Kind.TEXT, sent_at=now,
            is_private=False,
        )  # fmt: skip
        return replace(message, **changes)  # type: ignore[arg-type]


async def the_case(app: App) -> Case:
    """The gravest case, open or over; in most tests the only one."""
    return (await app.storage.run(lambda uow: uow.cases.all(open_only=False)))[0]
