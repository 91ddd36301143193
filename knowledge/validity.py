"""When a wording may be shown, as conditions on the rows of ``document_version``.

A version has one stretch of time in which it stood, from ``published_at`` to ``ended_at``, and the days it names itself,
``effective_from`` to ``effective_until``. ``ended_at`` may lie ahead: that of a wording whose successor waits for its first day.
Days are days in UTC.
"""

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Date, and_, bindparam, or_

from knowledge.passages import Audience
from knowledge.tables import Moment, document_version

_v = document_version.c
EVER_STOOD = ("published", "superseded", "withdrawn")


def stands(now: datetime) -> ColumnElement[bool]:
    """Published, not over, though its first day may be still to come."""
    return _stands(now, now.date())


def visible(audiences: Collection[Audience], now: datetime) -> ColumnElement[bool]:
    """May be shown now to somebody with these audiences."""
    return and_(stands(now), _has_begun(now.date()), _is_for(audiences))


def in_force(on: date) -> ColumnElement[bool]:
    """Could be shown at the end of a day, whatever happened to it later."""
    night = start_of(on + timedelta(days=1))
    stood = and_(_v.status.in_(EVER_STOOD), _v.published_at < night, or_(_v.ended_at.is_(None), _v.ended_at >= night))
    return and_(stood, _has_begun(on), or_(_v.effective_until.is_(None), _v.effective_until >= on))


def was_visible(audiences: Collection[Audience], on: date) -> ColumnElement[bool]:
    """Could be shown at the end of a day to somebody with these audiences."""
    return and_(in_force(on), _is_for(audiences))


def start_of(day: date) -> datetime:
    """Return the moment a day begins."""
    return datetime.combine(day, time(), UTC)


def shown_status(status: str, *, effective_until: date | None, ended_at: datetime | None, now: datetime) -> str:
    """Return the status as it is today: time ends a published wording without anybody touching its row."""
    if status != "published":
        return status
    if ended_at is not None and ended_at <= now:
        return "superseded"
    return "expired" if effective_until is not None and effective_until < now.date() else "published"


def visible_values(audiences: Collection[Audience], now: datetime) -> dict[str, Any]:
    """Return what :data:`VISIBLE` is asked with."""
    return {"audiences": [str(audience) for audience in audiences], "now": now, "today": now.date()}


def _stands(now: datetime | BindParameter[datetime], today: date | BindParameter[date]) -> ColumnElement[bool]:
    last_day = or_(_v.effective_until.is_(None), _v.effective_until >= today)
    return and_(_v.status == "published", last_day, or_(_v.ended_at.is_(None), _v.ended_at > now))


def _has_begun(day: date | BindParameter[date]) -> ColumnElement[bool]:
    return or_(_v.effective_from.is_(None), _v.effective_from <= day)


def _is_for(audiences: Collection[Audience]) -> ColumnElement[bool]:
    return _v.audience.in_([str(audience) for audience in audiences])


_TODAY = bindparam("today", type_=Date)
VISIBLE = and_(
    _stands(bindparam("now", type_=Moment), _TODAY), _has_begun(_TODAY), _v.audience.in_(bindparam("audiences", expanding=True))
)
"""As :func:`visible`, for a query that is put together once; its values are :func:`visible_values`."""
