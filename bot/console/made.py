"""What is made once and shown on many pages."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")

KEPT = 10_000
"""Things kept; then all are made anew."""


@dataclass(frozen=True, slots=True)
class Made:
    """Things that were made, by what they were made from. Two threads may make the same thing; both are given a right one."""

    _things: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what ``make`` returned when it was first asked with this key; it never returns None."""
        found: T | None = self._things.get(key)
        if found is None:
            found = make()
            if len(self._things) >= KEPT:
                self._things.clear()
            self._things[key] = found
        return found
