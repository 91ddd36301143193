"""Change the master key: everything encrypted is encrypted anew, every look-up computed anew.

Three steps, each safe to repeat: the key file gets the new key beside the old one; one transaction rewrites the database; the old
key leaves the file. Whatever is interrupted, the file can read the database.
"""

from pathlib import Path
from typing import Any

from sqlalchemy import Column, Engine, LargeBinary, Table, select, update

from bot.adapters.keys import KeyRing
from bot.adapters.storage.checks import FINGERPRINT
from bot.adapters.storage.desk import SqlNotebook
from bot.adapters.storage.tables import (
    button,
    case_message,
    cases,
    conversation,
    message_link,
    outbox,
    person,
    staff,
    staff_invite,
    turn,
    update_inbox,
)
from bot.adapters.storage.vault import Vault
from bot.service.ports import Clock

CONTEXTS: tuple[tuple[Table, Column[Any], str], ...] = (
    (update_inbox, update_inbox.c.payload, "update"),
    (outbox, outbox.c.payload, "delivery"),
    (conversation, conversation.c.question, "question"),
    (turn, turn.c.text, "turn"),
    (case_message, case_message.c.text, "case message"),
    (person, person.c.chat_cipher, "chat"),
    (staff, staff.c.chat_cipher, "chat"),
    (cases, cases.c.group_cipher, "chat"),
)
KEYED = ((person, person.c.chat_key, person.c.chat_cipher), (staff, staff.c.chat_key, staff.c.chat_cipher),
         (cases, cases.c.group_key, cases.c.group_cipher))  # fmt: skip


def rotate(engine: Engine, path: Path, *, bot_id: int, clock: Clock) -> int:
    """Rotate and return how many values were encrypted anew.

    Buttons already sent and invitations not yet used stop working: only their hash under the old key is known.
    """
    ring = KeyRing.load(path)
    if not ring.is_rotating:
        ring = ring.with_new_master()
        ring.save(path)
    with engine.begin() as connection:
        vault = Vault(connection, ring, bot_id)
        known = _chat_keys(vault)
        rows = sum(_encrypt_anew(vault, table, column, context) for table, column, context in CONTEXTS)
        _move_look_ups(vault, known)
        connection.execute(button.delete())
        connection.execute(staff_invite.delete().where(staff_invite.c.used_at.is_(None)))
        SqlNotebook(vault).put(FINGERPRINT, ring.fingerprint, now=clock.now())
    ring.current_only().save(path)
    return rows


def _chat_keys(vault: Vault) -> dict[str, str]:
    """Return old look-up → new look-up of every chat that can still be read."""
    found: dict[str, str] = {}
    for table, _, cipher in KEYED:
        for row in vault.all(select(cipher).select_from(table).where(cipher.is_not(None))):
            keys = vault.chat_keys(vault.open_chat(row[0]))
            found |= dict.fromkeys(keys, keys[0])
    return found


def _encrypt_anew(vault: Vault, table: Table, column: Column[Any], context: str) -> int:
    assert isinstance(column.type, LargeBinary)
    primary = list(table.primary_key.columns)
    rows = vault.all(select(*primary, column).where(column.is_not(None)))
    for row in rows:
        identity, cipher = tuple(row)[:-1], row[-1]
        where = [key == value for key, value in zip(primary, identity, strict=True)]
        vault.run(update(table).where(*where).values({column: vault.seal(vault.open(cipher, context), context)}))
    return len(rows)


def _move_look_ups(vault: Vault, known: dict[str, str]) -> None:
    """Rewrite every keyed hash; one whose chat is known to nobody any more can never be found again and is dropped."""
    for table, column, _ in KEYED:
        for old, new in known.items():
            vault.run(update(table).where(column == old).values({column: new}))
    for old, new in known.items():
        vault.run(update(message_link).where(message_link.c.chat_key == old).values(chat_key=new))
        vault.run(update(outbox).where(outbox.c.lane == f"chat:{old}").values(lane=f"chat:{new}"))
        vault.run(update(update_inbox).where(update_inbox.c.lane == old, update_inbox.c.state != "done").values(lane=new))
