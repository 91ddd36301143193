"""Two may change one case or conversation at a time; whoever comes second looks again and tries once more."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from bot.domain.errors import VersionConflict

T = TypeVar("T")

ATTEMPTS = 3


async def until_settled(work: Callable[[], Awaitable[T]], *, attempts: int = ATTEMPTS) -> T:
    """Do ``work``, which reads what it changes, again when somebody else was first.

    Raises:
        VersionConflict: somebody else was first at every attempt.
    """
    for _ in range(attempts - 1):
        try:
            return await work()
        except VersionConflict:
            continue
    return await work()
