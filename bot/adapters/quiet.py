"""A messenger that keeps what it is given: for the terminal, for evaluation and for tests."""

from dataclasses import dataclass, field

from bot.domain.deliveries import Content, Copy
from bot.domain.ids import ChatId
from bot.service.ports import Sent


@dataclass(slots=True)
class QuietMessenger:
    """Messenger without a network."""

    sent: list[tuple[ChatId, int | None, Content]] = field(default_factory=list)
    threads: list[int | None] = field(default_factory=list)
    """For each operation sent, the message it replies to."""
    topics: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    async def send(self, chat_id: ChatId, thread_id: int | None, content: Content, *, reply_to: int | None = None) -> Sent:
        self.sent.append((chat_id, thread_id, content))
        self.threads.append(reply_to)
        copies = len(content.message_ids) if isinstance(content, Copy) else 1
        return Sent(message_ids=tuple(1000 * len(self.sent) + n for n in range(copies)))

    async def create_topic(self, group_id: ChatId, name: str) -> int:
        self.topics.append(name)
        return len(self.topics)

    async def answer_button(self, callback_id: str, text: str = "", *, alert: bool = False) -> None:
        self.answers.append(text)
