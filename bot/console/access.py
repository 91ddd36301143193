"""Who may open which page. A page without a rule cannot be made: :class:`Page` asks for its roles.

Roles are those of a member at the moment of the request. What a page shows of a case is decided again where it is read
(:mod:`bot.service.sealed`).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from bot.console.visit import Console, Visit
from bot.domain.people import DeskRole
from bot.service import sealed

Endpoint = Callable[[Request, Visit], Awaitable[Response]]
OpenEndpoint = Callable[[Request, Console, str, FormData], Awaitable[Response]]

EVERY_ROLE = frozenset(DeskRole)
DESK = frozenset(role for role in DeskRole if role.works_cases)
ASKS = EVERY_ROLE - {DeskRole.AUDITOR}
"""Whoever is linked to the staff reads the staff manual, but for those who look at the log alone."""
EDITS = frozenset({DeskRole.EDITOR})
SEES_GAPS = frozenset({DeskRole.EDITOR, DeskRole.SUPERVISOR})
OVERSEES = frozenset({DeskRole.SUPERVISOR})
AGREES = sealed.AGREES
FOCAL = frozenset({DeskRole.FOCAL_POINT})
ADMINISTERS = frozenset({DeskRole.ADMINISTRATOR})
INVITES = ADMINISTERS | FOCAL
"""Focal points are invited by focal points: see :func:`bot.service.accounts.may_invite`."""
AUDITS = frozenset({DeskRole.AUDITOR})


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One path and method, what it does, and for whom."""

    path: str
    method: str
    endpoint: Endpoint
    roles: frozenset[DeskRole]
    is_live: bool = False
    """Asked for by the page itself and not by a person: it keeps no session alive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPage:
    """A page for people who have not signed in."""

    path: str
    method: str
    endpoint: OpenEndpoint
