"""What must hold before anything is written: the key file belongs to this database."""

from datetime import UTC, datetime

from sqlalchemy import Engine, func, select

from bot.adapters.keys import KeyRing
from bot.adapters.storage.desk import SqlNotebook
from bot.adapters.storage.tables import person, staff
from bot.adapters.storage.vault import Vault
from bot.domain.errors import InvalidSettings

FINGERPRINT = "key_fingerprint"


def verify_key(engine: Engine, keys: KeyRing) -> None:
    """Remember the key's fingerprint in a new database; refuse another key on one that has rows.

    Raises:
        InvalidSettings: the rows were written with another key file.
    """
    with engine.begin() as connection:
        notes = SqlNotebook(Vault(connection, keys, 0))
        known = notes.get(FINGERPRINT)
        if known == keys.fingerprint:
            return
        rows = sum(connection.scalar(select(func.count()).select_from(table)) or 0 for table in (person, staff))
        if known is not None and known not in keys.fingerprints and rows:
            raise InvalidSettings(
                f"The key file (fingerprint {keys.fingerprint}) is not the one this database was written with ({known}):"
                " restore that key file (WAYPOST_KEYS__FILE)"
            )
        if known is None or not rows:
            notes.put(FINGERPRINT, keys.fingerprint, now=datetime.now(UTC))
