"""A messenger that keeps what it is given: for the terminal, for evaluation and for tests."""

from dataclasses import dataclass, field

from bot.domain.deliveries import Content
from bot.domain.ids import ChatId
from bot.service.ports import Sent


@dataclass(slots=True)
class QuietMessenger:
    """Messenger without a network."""

    sent: list[tuple[ChatId, int | None, Content]] = field(default_factory=list)
    topics: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    async def send(self, chat_id: ChatId, thread_id: int | None, content: Content) -> Sent:
        self.sent.append((chat_id, thread_id, content))
        return Sent(message_id=len(self.sent))

    async def create_topic(self, group_id: ChatId, name: str) -> int:
        self.topics.append(name)
        return len(self.topics)

    async def answer_button(self, callback_id: str, text: str = "", *, alert: bool = False) -> None:
        self.answers.append(text)
