"""Who sees which passages: a role's audiences, from ``audiences.yaml``. An unknown role sees nothing.

The ``security`` tier is off for everybody; an administrator turns it on for a named role, and the table says
which roles may be named at all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceTable:
    """Audiences by role.

    Attributes:
        roles: What each role sees always.
        on_request: Audiences that stay closed until an administrator opens them, with the roles that may have them.
    """

    roles: Mapping[str, frozenset[str]]
    on_request: Mapping[str, frozenset[str]]


def visible_audiences(role: str, table: AudienceTable, security_enabled: Collection[str] = ()) -> frozenset[str]:
    """Return the audiences that ``role`` may search.

    Args:
        role: Role of the person, as linked; what the person claims to be is of no account.
        table: The table of ``audiences.yaml``.
        security_enabled: Roles for which an administrator has opened the closed audiences.
    """
    seen = table.roles.get(role, frozenset())
    if role not in security_enabled:
        return seen
    return seen | {audience for audience, roles in table.on_request.items() if role in roles}
