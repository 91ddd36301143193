"""Passwords (argon2id) and time-based one-time codes."""

import asyncio
import hmac
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TypeVar

import pyotp
from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError

T = TypeVar("T")

AT_A_TIME = 2
"""A hash takes a quarter of a second and 64 MiB: more at a time would let strangers exhaust a small machine."""
STEP_S = 30


class ArgonCredentials:
    """Credentials over pwdlib and pyotp, in a small pool of threads."""

    def __init__(self) -> None:
        self._hasher = PasswordHash.recommended()
        self._pool = ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="passwords")
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        return await self._in_pool(self._hasher.hash, password)

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether the password is right; without a hash it takes as long and is wrong."""
        if password_hash is None:
            self._nobody = self._nobody or await self.hash("nobody has this account")
            await self._in_pool(self._verify, password, self._nobody)
            return False
        return await self._in_pool(self._verify, password, password_hash)

    def new_secret(self) -> str:
        return pyotp.random_base32()

    def step_of(self, secret: str, code: str, *, at: datetime) -> int | None:
        """Return the time step whose code this is, now or one step to either side; None when it is wrong."""
        now, given = int(at.timestamp()) // STEP_S, "".join(code.split())
        try:
            totp = pyotp.TOTP(secret, interval=STEP_S)
            codes = {step: totp.generate_otp(step) for step in (now - 1, now, now + 1)}
        except ValueError:
            return None  # the secret is no base32
        return next((step for step, right in codes.items() if hmac.compare_digest(right.encode(), given.encode())), None)

    def address(self, secret: str, *, name: str, issuer: str) -> str:
        return pyotp.TOTP(secret, interval=STEP_S).provisioning_uri(name=name, issuer_name=issuer)

    def _verify(self, password: str, password_hash: str) -> bool:
        try:
            return self._hasher.verify(password, password_hash)
        except UnknownHashError:
            return False

    async def _in_pool(self, work: Callable[..., T], *values: str) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *values)
