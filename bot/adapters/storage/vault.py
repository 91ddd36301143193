"""What every repository is given: the connection of the transaction, the keys and the bot's id."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite

from bot.adapters.keys import KeyRing
from bot.domain.ids import ChatId


@dataclass(frozen=True, slots=True)
class Vault:
    """Reads and writes through one transaction; hashes and encrypts what must be."""

    connection: Connection
    keys: KeyRing
    bot_id: int

    def run(self, statement: Any) -> int:
        """Execute a statement and return how many rows it touched."""
        return int(self.connection.execute(statement).rowcount)

    def one(self, statement: Any) -> Row[Any] | None:
        return self.connection.execute(statement).first()

    def count(self, statement: Any) -> int:
        """Return the number that a ``count(*)`` selects."""
        return int(self.connection.execute(statement).scalar_one())

    def insert(self, table: Table) -> Any:
        """Return an insert of the database's own kind, which knows what to do on a conflict."""
        return (sqlite if self.connection.dialect.name == "sqlite" else postgresql).insert(table)

    def all(self, statement: Any) -> Sequence[Row[Any]]:
        return self.connection.execute(statement).all()

    def alone(self, what: str) -> None:
        """Wait until no other transaction does ``what``, and keep others out until this one ends. SQLite has one writer anyway.

        For what is read and then written without a row to lock: the end of a chain, a running number.
        """
        if self.connection.dialect.name != "sqlite":
            self.connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(what, 0))))

    def chat_key(self, chat_id: ChatId) -> str:
        return self.keys.look_up(self._named(chat_id))

    def chat_keys(self, chat_id: ChatId) -> list[str]:
        """Under every key of the file, while keys are being rotated."""
        return self.keys.look_ups(self._named(chat_id))

    def seal_chat(self, chat_id: ChatId) -> bytes:
        return self.keys.encrypt(str(int(chat_id)), "chat")

    def open_chat(self, cipher: bytes) -> ChatId:
        return ChatId(int(self.keys.decrypt(cipher, "chat")))

    def seal(self, text: str, context: str) -> bytes:
        return self.keys.encrypt(text, context)

    def open(self, cipher: bytes | None, context: str) -> str:
        """Return the text, empty when it was erased."""
        return "" if cipher is None else self.keys.decrypt(cipher, context)

    def _named(self, chat_id: ChatId) -> str:
        return f"{self.bot_id}:{int(chat_id)}"
