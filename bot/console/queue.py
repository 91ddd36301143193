"""The queue as one member sees it: which cases, in which order, and what changes between two looks.

Pure, but for the words of a row.
"""

import hashlib
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import SequenceMatcher

from markupsafe import escape
from starlette.datastructures import QueryParams

from bot.console.live import Look
from bot.console.paper import piece
from bot.console.visit import Console, Row
from bot.domain.cases import Case, WorkState
from bot.domain.ids import CaseId, StaffId
from bot.domain.people import StaffMember
from bot.service import sealed

SHOWN = 200
"""Rows on a page; the gravest come first, and filters bring the others."""
FAR_AWAY = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What somebody wants to see of the queue."""

    whose: str = "all"
    """``all``, ``waiting`` (nobody has it), ``mine``, or ``answer`` (its person waits)."""
    language: str = ""
    queue: str = ""
    severity: int = 0
    """From this one on."""

    @classmethod
    def of(cls, query: QueryParams) -> "Filters":
        """Return the filters of an address; what is none is left out."""
        severity = query.get("severity", "")
        whose = query.get("whose", "")
        return cls(
            whose=whose if whose in {"waiting", "mine", "answer"} else "all",
            language=query.get("language", "")[:8],
            queue=query.get("queue", "")[:32],
            severity=int(severity) if severity in {"1", "2", "3", "4"} else 0,
        )

    def shows(self, case: Case, me: StaffId) -> bool:
        return (
            case.severity >= self.severity
            and self.language in {"", case.language}
            and self.queue in {"", case.queue}
            and {
                "all": True,
                "waiting": case.state is WorkState.QUEUED,
                "mine": case.owner_id == me,
                "answer": case.waiting_since is not None,
            }[self.whose]
        )


def ranked(look: Look, member: StaffMember, filters: Filters) -> list[Case]:
    """Return what a member sees of the open cases: gravest first, then what nobody has, then what is due first."""

    def make() -> list[Case]:
        seen = [case for case in look.cases.values() if case.is_open and sealed.sees(case, member)]
        shown = [case for case in seen if filters.shows(case, member.id)]
        return sorted(shown, key=lambda case: _rank(case, look.dues))

    return look.made.once(("ranked", *_who_sees_the_same(member, filters)), make)


def _who_sees_the_same(member: StaffMember, filters: Filters) -> tuple[Hashable, ...]:
    return member.id if filters.whose == "mine" else None, member.desk_role, filters


def _rank(case: Case, dues: Mapping[CaseId, datetime]) -> tuple[int, bool, bool, datetime, datetime, str]:
    nobodys = case.owner_id is None
    # Severity 3 and 4 that nobody has stand above everything.
    return (
        -case.severity, not nobodys, case.waiting_since is None, dues.get(case.id, FAR_AWAY), case.opened_at, case.number,
    )  # fmt: skip


def rows_of(look: Look, member: StaffMember, filters: Filters, console: Console, language: str) -> Sequence[Row]:
    """Return the rows of a page; those who see the same are given the same."""

    def make() -> list[Row]:
        return [_row(case, look, console, language) for case in ranked(look, member, filters)[:SHOWN]]

    return look.made.once(("rows", *_who_sees_the_same(member, filters), language), make)


def _row(case: Case, look: Look, console: Console, language: str) -> Row:
    """Return a row, made once for all pages that show it."""
    due_at, alias = look.dues.get(case.id), look.aliases.get(case.owner_id, "") if case.owner_id else ""

    def make() -> Row:
        return Row(
            number=case.number, html=piece(console, "_row.html", language, {"case": case, "due_at": due_at, "alias": alias})
        )  # fmt: skip

    return console.made.once(("row", case, due_at, alias, language, look.day), make)


def digest(look: Look, rows: Sequence[Row], counts: str) -> str:
    """Return a mark of what a page shows."""

    def make() -> tuple[Sequence[Row], bytes]:
        made = hashlib.sha256()
        for row in rows:
            made.update(row.html.encode())
        return rows, made.digest()

    return hashlib.sha256(look.made.once(("digest", id(rows)), make)[1] + counts.encode()).hexdigest()[:16]


def change(look: Look, before: Sequence[Row], after: Sequence[Row]) -> str:
    """Return the steps from what a page shows to what it is to show now, as one piece."""
    if before is after:
        return ""
    # Lists are told apart by their identity; what is kept holds them, so that no other list can be given theirs.
    key = ("change", id(before), id(after))
    return look.made.once(key, lambda: (before, after, "".join(steps(before, after))))[2]


def steps(before: Sequence[Row], after: Sequence[Row]) -> Iterator[str]:
    """Yield, as pieces of a page, what makes one list of rows the other: rows that go, that come or move, that change.

    A browser finds the places of all pieces before it does anything. So every piece names a row that was there before, and what
    comes in one place comes in one piece, after a row that stays.
    """
    old, new = [row.number for row in before], [row.number for row in after]
    changes = SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes()
    moved = [one for one in changes if one[0] != "equal"]
    yield from (_piece(row.id, "delete", "") for _, a1, a2, _, _ in moved for row in before[a1:a2])
    for _, _, _, b1, b2 in moved:
        if b1 < b2:
            target, how = (after[b1 - 1].id, "afterend") if b1 else ("queue", "afterbegin")
            yield _piece(target, how, "".join(row.html for row in after[b1:b2]))
    for kind, a1, a2, b1, b2 in changes:
        if kind == "equal":
            pairs = zip(before[a1:a2], after[b1:b2], strict=True)
            yield from (_piece(is_now.id, "outerMorph", is_now.html) for was, is_now in pairs if was.html != is_now.html)


def whole(rows: Sequence[Row]) -> str:
    """Return the piece that puts all rows in place of those that are shown."""
    return _piece("queue", "innerMorph", "".join(row.html for row in rows))


def replaced(target: str, html: str) -> str:
    """Return the piece that puts new content into a part of the page, and leaves what is typed there."""
    return _piece(target, "innerMorph", html)


def _piece(target: str, how: str, html: str) -> str:
    return f'<hx-partial hx-target="#{escape(target)}" hx-swap="{how}">{html}</hx-partial>'
