"""One master key file, and the keys derived from it.

HKDF gives separate keys for look-up, content, logs and callbacks, so that a log cannot be joined to the database and a database
without the file tells nothing. The file may hold an older key beside the current one while keys are being rotated.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.domain.errors import InvalidSettings, KeyFileMissing

MASTER_BYTES = 32
ID_BYTES = 4
NONCE_BYTES = 12
LOG_TAG_DIGITS = 10


@dataclass(frozen=True, slots=True)
class Master:
    """One master key and what is derived from it."""

    id: bytes
    secret: bytes

    def derive(self, purpose: str) -> bytes:
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"waypost/{purpose}/1".encode()).derive(self.secret)


class KeyRing:
    """The keys of an installation; the first master is the current one."""

    def __init__(self, masters: list[Master]) -> None:
        self._masters = masters
        self._ciphers = {master.id: AESGCM(master.derive("content")) for master in masters}
        self._look_up_keys = [master.derive("look-up") for master in masters]
        self._log_key = masters[0].derive("logs")
        self._callback_key = masters[0].derive("callbacks")

    @classmethod
    def create(cls, path: Path) -> "KeyRing":
        """Make a key file with mode 0600; never overwrites one.

        Raises:
            InvalidSettings: the file exists or cannot be written.
        """
        ring = cls([_new_master()])
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            ring._write(part)
            try:
                os.link(part, path)
            finally:
                part.unlink()
        except FileExistsError as exc:
            raise InvalidSettings(f"The key file {path} exists already; it is not overwritten") from exc
        except OSError as exc:
            raise InvalidSettings(f"The key file {path} cannot be written: {exc.strerror}") from exc
        return ring

    @classmethod
    def load(cls, path: Path) -> "KeyRing":
        """Read a key file.

        Raises:
            KeyFileMissing: there is none.
            InvalidSettings: others may read it, or it is damaged.
        """
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
            content = path.read_bytes()
        except FileNotFoundError as exc:
            raise KeyFileMissing(
                f"There is no key file {path}: restore it from its backup (WAYPOST_KEYS__FILE),"
                " or run `make setup` on a new installation"
            ) from exc
        except OSError as exc:
            raise InvalidSettings(f"The key file {path} cannot be read: {exc.strerror}") from exc
        if mode & 0o077:
            raise InvalidSettings(f"The key file {path} can be read by others (mode {mode:04o}): run `chmod 600 {path}`")
        try:
            rows = json.loads(content)["masters"]
            masters = [Master(bytes.fromhex(row["id"]), base64.b64decode(row["key"], validate=True)) for row in rows]
        except (ValueError, KeyError, TypeError) as exc:
            raise InvalidSettings(f"The key file {path} is damaged: restore it from its backup") from exc
        if not masters or any(len(master.secret) != MASTER_BYTES or len(master.id) != ID_BYTES for master in masters):
            raise InvalidSettings(f"The key file {path} holds no usable key: restore it from its backup")
        return cls(masters)

    def to_json(self) -> str:
        rows = [{"id": master.id.hex(), "key": base64.b64encode(master.secret).decode()} for master in self._masters]
        return json.dumps({"masters": rows})

    def save(self, path: Path) -> None:
        """Replace the key file at once."""
        part = path.with_suffix(".part")
        part.unlink(missing_ok=True)
        self._write(part)
        part.replace(path)

    def _write(self, path: Path) -> None:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(self.to_json())
            file.flush()
            os.fsync(file.fileno())

    def with_new_master(self) -> "KeyRing":
        """Return a ring with a fresh current key and all old ones."""
        return KeyRing([_new_master(), *self._masters])

    def current_only(self) -> "KeyRing":
        """Return a ring without the old keys."""
        return KeyRing(self._masters[:1])

    @property
    def is_rotating(self) -> bool:
        return len(self._masters) > 1

    @property
    def fingerprint(self) -> str:
        """Twelve digits that name the current key and tell nothing about it."""
        return hashlib.sha256(self._masters[0].derive("fingerprint")).hexdigest()[:12]

    @property
    def fingerprints(self) -> set[str]:
        """Fingerprints of all keys of the file."""
        return {hashlib.sha256(master.derive("fingerprint")).hexdigest()[:12] for master in self._masters}

    def look_up(self, value: str) -> str:
        """Return the keyed hash under which ``value`` is found in the database, 64 digits."""
        return hmac.new(self._look_up_keys[0], value.encode(), hashlib.sha256).hexdigest()

    def look_ups(self, value: str) -> list[str]:
        """Return the keyed hashes under every key of the file, current first."""
        return [hmac.new(key, value.encode(), hashlib.sha256).hexdigest() for key in self._look_up_keys]

    def log_tag(self, value: str) -> str:
        """Return a short tag for logs; it cannot be joined to the database."""
        return hmac.new(self._log_key, value.encode(), hashlib.sha256).hexdigest()[:LOG_TAG_DIGITS]

    def callback_hash(self, token: str) -> str:
        """Return what is stored of a button's token or an invitation's code."""
        return hmac.new(self._callback_key, token.encode(), hashlib.sha256).hexdigest()

    def encrypt(self, text: str, context: str) -> bytes:
        """Return key id, nonce and ciphertext; ``context`` binds it to its place."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        master = self._masters[0].id
        return master + nonce + self._ciphers[master].encrypt(nonce, text.encode("utf-8", "surrogatepass"), context.encode())

    def decrypt(self, data: bytes, context: str) -> str:
        """Return the text.

        Raises:
            InvalidSettings: the key file does not hold the key, or the value was changed or moved.
        """
        key_id, nonce, body = data[:ID_BYTES], data[ID_BYTES : ID_BYTES + NONCE_BYTES], data[ID_BYTES + NONCE_BYTES :]
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise InvalidSettings(f"A value was encrypted with the key {key_id.hex()}, which the key file does not hold")
        try:
            return cipher.decrypt(nonce, body, context.encode()).decode("utf-8", "surrogatepass")
        except (InvalidTag, ValueError) as exc:
            raise InvalidSettings(f"A stored {context} cannot be decrypted: it was changed, or moved from elsewhere") from exc

    def is_current(self, data: bytes) -> bool:
        """Whether ``data`` was encrypted with the current key."""
        return data[:ID_BYTES] == self._masters[0].id


def _new_master() -> Master:
    return Master(secrets.token_bytes(ID_BYTES), secrets.token_bytes(MASTER_BYTES))
