"""The queue as one member sees it: which cases, in which order, and what changes between two looks.

Pure, but for the words of a row.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
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
KEPT = 10_000
"""Rows kept made; a case that changes leaves its old one behind."""
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
    shown = [
        case for case in look.cases.values() if case.is_open and sealed.sees(case, member) and filters.shows(case, member.id)
    ]
    return sorted(shown, key=lambda case: _rank(case, look.dues))


def _rank(case: Case, dues: Mapping[CaseId, datetime]) -> tuple[int, bool, bool, datetime, datetime, str]:
    nobodys = case.owner_id is None
    # Severity 3 and 4 that nobody has stand above everything.
    return (
        -case.severity, not nobodys, case.waiting_since is None, dues.get(case.id, FAR_AWAY), case.opened_at, case.number,
    )  # fmt: skip


def rows_of(look: Look, member: StaffMember, filters: Filters, console: Console, language: str) -> list[Row]:
    """Return the rows of a page."""
    return [
        _row(case, look.dues.get(case.id), look.aliases.get(case.owner_id, "") if case.owner_id else "", console, language)
        for case in ranked(look, member, filters)[:SHOWN]
    ]


def _row(case: Case, due_at: datetime | None, alias: str, console: Console, language: str) -> Row:
    """Return a row, made once for all pages that show it."""
    key = (case, due_at, alias, language, f"{console.app.clock.now():%Y-%m-%d}")
    if key not in console.rows:
        html = piece(console, "_row.html", language, {"case": case, "due_at": due_at, "alias": alias})
        if len(console.rows) >= KEPT:
            console.rows.clear()
        console.rows[key] = Row(number=case.number, html=html)
    return console.rows[key]


def digest(rows: Sequence[Row], counts: str) -> str:
    """Return a mark of what a page shows."""
    made = hashlib.sha256(counts.encode())
    for row in rows:
        made.update(row.html.encode())
    return made.hexdigest()[:16]


def steps(before: Sequence[Row], after: Sequence[Row]) -> Iterator[str]:
    """Yield, as pieces of a page, what makes one list of rows the other: rows that go, that come or move, that change."""
    old, new = [row.number for row in before], [row.number for row in after]
    kept: dict[str, str] = {}
    come: list[int] = []
    for kind, a1, a2, b1, b2 in SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        if kind == "equal":
            kept |= {row.number: row.html for row in before[a1:a2]}
            continue
        yield from (_piece(f"row-{number}", "delete", "") for number in old[a1:a2])
        come += range(b1, b2)
    for place in sorted(come):
        target, how = (f"row-{new[place - 1]}", "afterend") if place else ("queue", "afterbegin")
        yield _piece(target, how, after[place].html)
    for row in after:
        if row.number in kept and kept[row.number] != row.html:
            yield _piece(row.id, "outerMorph", row.html)


def whole(rows: Sequence[Row]) -> str:
    """Return the piece that puts all rows in place of those that are shown."""
    return _piece("queue", "innerMorph", "".join(row.html for row in rows))


def replaced(target: str, html: str) -> str:
    """Return the piece that puts new content into a part of the page, and leaves what is typed there."""
    return _piece(target, "innerMorph", html)


def _piece(target: str, how: str, html: str) -> str:
    return f'<hx-partial hx-target="#{escape(target)}" hx-swap="{how}">{html}</hx-partial>'
