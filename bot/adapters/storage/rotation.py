"""Change the master key: everything encrypted is encrypted anew, every look-up computed anew.

Three steps, each safe to repeat: the key file gets the new key beside the old one; one transaction rewrites the database; the old
key leaves the file. Whatever is interrupted, the file can read the database.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Engine, LargeBinary, Table, select, update

from bot.adapters.keys import KeyRing
from bot.adapters.storage.checks import FINGERPRINT
from bot.adapters.storage.codec import decode, decode_update
from bot.adapters.storage.desk import SqlNotebook
from bot.adapters.storage.tables import (
    account,
    break_glass,
    button,
    case_message,
    case_packet,
    case_thread,
    cases,
    console_session,
    conversation,
    gap,
    message_link,
    outbox,
    person,
    sign_in_tries,
    staff,
    staff_invite,
    turn,
    update_inbox,
)
from bot.adapters.storage.vault import Vault
from bot.domain.deliveries import ToChat
from bot.domain.ids import ChatId
from bot.service.ports import Clock

CONTEXTS: tuple[tuple[Table, Column[Any], str], ...] = (
    (update_inbox, update_inbox.c.payload, "update"),
    (outbox, outbox.c.payload, "delivery"),
    (conversation, conversation.c.question, "question"),
    (turn, turn.c.text, "turn"),
    (case_message, case_message.c.text, "case message"),
    (case_packet, case_packet.c.packet, "packet"),
    (break_glass, break_glass.c.reason, "break-glass"),
    (gap, gap.c.note, "gap"),
    (account, account.c.totp_secret, "one-time code"),
    (person, person.c.chat_cipher, "chat"),
    (staff, staff.c.chat_cipher, "chat"),
    (cases, cases.c.group_cipher, "chat"),
)
KEYED = ((person, person.c.chat_key, person.c.chat_cipher), (staff, staff.c.chat_key, staff.c.chat_cipher),
         (cases, cases.c.group_key, cases.c.group_cipher))  # fmt: skip


def rotate(engine: Engine, path: Path, *, bot_id: int, clock: Clock) -> int:
    """Rotate and return how many values were encrypted anew.

    Buttons already sent and invitations not yet used stop working, and everybody signs in to the console again: only their hash
    under the old key is known.
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
        for hashed in (button, console_session, sign_in_tries):
            connection.execute(hashed.delete())
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
    for chat_id in _chats_waiting(vault):
        keys = vault.chat_keys(chat_id)
        found |= dict.fromkeys(keys, keys[0])
    return found


def _chats_waiting(vault: Vault) -> Iterator[ChatId]:
    """Yield the chats of updates and deliveries that wait: theirs may be the only row, as that of a first message is."""
    ours = (update_inbox.c.bot_id == vault.bot_id) & update_inbox.c.payload.is_not(None)
    for row in vault.all(select(update_inbox.c.payload).where(ours)):
        chat_id, _ = decode_update(vault.open(row.payload, "update"))
        if chat_id is not None:
            yield chat_id
    for row in vault.all(select(outbox.c.payload).where(outbox.c.lane.startswith("chat:"), outbox.c.payload.is_not(None))):
        address = decode(vault.open(row.payload, "delivery")).address
        if isinstance(address, ToChat):
            yield address.chat_id


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
    """Rewrite the keyed hash of every chat that can be read, of people, staff, groups and of what waits.

    A link of a chat nobody knows any more can never be found again and is dropped. The lane of a delivery that is done and
    erased keeps its old hash: nobody looks it up, and the row goes with its time.
    """
    lanes = {f"chat:{old}": f"chat:{new}" for old, new in known.items()}
    columns = [column for _, column, _ in KEYED]
    for column, moves in (*((column, known) for column in (*columns, message_link.c.chat_key, case_thread.c.chat_key)),
                          (update_inbox.c.lane, known), (outbox.c.lane, lanes)):  # fmt: skip
        # Only what stands there is moved: a statement for every chat known would take hours on a large database.
        for row in vault.all(select(column).where(column.is_not(None)).distinct()):
            new = moves.get(row[0])
            if new is not None and new != row[0]:
                vault.run(update(column.table).where(column == row[0]).values({column: new}))
    stale = [row[0] for row in vault.all(select(message_link.c.chat_key).distinct()) if row[0] not in set(known.values())]
    for key in stale:
        vault.run(message_link.delete().where(message_link.c.chat_key == key))
