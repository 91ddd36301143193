"""What must hold before anything is written: the key file belongs to this database."""

from datetime import UTC, datetime

from sqlalchemy import Engine, select
from sqlalchemy.exc import DBAPIError

from bot.adapters.keys import KeyRing
from bot.adapters.storage.desk import SqlNotebook
from bot.adapters.storage.tables import case_message, outbox, person, staff, turn, update_inbox
from bot.adapters.storage.vault import Vault
from bot.domain.errors import InvalidSettings, StorageUnavailable

FINGERPRINT = "key_fingerprint"
ENCRYPTED = (update_inbox, outbox, person, turn, case_message, staff)


def verify_key(engine: Engine, keys: KeyRing) -> None:
    """Remember the key's fingerprint in a new database; refuse another key on one that has rows.

    Raises:
        InvalidSettings: the rows were written with another key file.
        StorageUnavailable: the database cannot be used.
    """
    try:
        with engine.begin() as connection:
            _verify(Vault(connection, keys, 0))
    except DBAPIError as exc:
        raise StorageUnavailable(f"The database cannot be used: {exc.orig}") from exc


def _verify(vault: Vault) -> None:
    notes, keys = SqlNotebook(vault), vault.keys
    known = notes.get(FINGERPRINT)
    if known in keys.fingerprints:
        return
    if any(vault.one(select(1).select_from(table).limit(1)) for table in ENCRYPTED):
        raise InvalidSettings(
            f"The key file (fingerprint {keys.fingerprint}) is not the one this database was written with"
            f" ({known or 'not noted'}): restore that key file (WAYPOST_KEYS__FILE)"
        )
    notes.put(FINGERPRINT, keys.fingerprint, now=datetime.now(UTC))
