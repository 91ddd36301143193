"""Pages from templates: what every template can say and show."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from bot.console.access import AGREES, ASKS, AUDITS, DESK, INVITES, OVERSEES, SEES_GAPS
from bot.console.visit import Console, Visit

HERE = Path(__file__).parent
STATIC = HERE / "static"
NAVIGATION = (
    ("/cases", "nav_cases", DESK),
    ("/ask", "nav_ask", ASKS),
    ("/gaps", "nav_gaps", SEES_GAPS),
    ("/library", "nav_library", ASKS),
    ("/figures", "nav_figures", OVERSEES),
    ("/sealed", "nav_sealed", AGREES),
    ("/accounts", "nav_accounts", INVITES),
    ("/log", "nav_log", AUDITS),
)
"""(path, key of its name, roles) of what stands in the head of every page, for those who may open it."""


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=select_autoescape(default=True), undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip


@cache
def asset(name: str) -> str:
    """Return the address of an asset, with a mark of its content: it may be kept for ever."""
    mark = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]
    return f"/static/{name}?{mark}"


def render(
    console: Console, request: Request, template: str, language: str, values: Mapping[str, Any], *, visit: Visit | None = None,
    status: int = 200,
) -> HTMLResponse:  # fmt: skip
    """Return a page."""
    given = {
        "path": request.url.path, "visit": visit, "navigation": navigation(visit), "languages": console.texts.languages(),
        **_tokens(visit), **values,
    }  # fmt: skip
    return HTMLResponse(piece(console, template, language, given), status_code=status)


def page(request: Request, visit: Visit, template: str, values: Mapping[str, Any], *, status: int = 200) -> HTMLResponse:
    """Return a page for somebody who has signed in."""
    return render(visit.console, request, template, visit.language, values, visit=visit, status=status)


def part(visit: Visit, template: str, values: Mapping[str, Any]) -> HTMLResponse:
    """Return a part of a page, for somebody whose page asks for it."""
    return HTMLResponse(piece(visit.console, template, visit.language, {**_tokens(visit), **values}))


def _tokens(visit: Visit | None) -> dict[str, str]:
    """Return what makes the forms of a page those of a session."""
    return {} if visit is None else {"csrf": visit.csrf}


def navigation(visit: Visit | None) -> list[tuple[str, str]]:
    """Return (path, key) of the pages a member may open."""
    return [] if visit is None else [(path, key) for path, key, roles in NAVIGATION if visit.role in roles]


def piece(console: Console, template: str, language: str, values: Mapping[str, Any]) -> str:
    """Return a page or a part of one as text."""
    texts = console.texts
    helpers = {
        "t": partial(_say, console, language),
        "lang": language,
        "dir": texts.direction(language),
        "language_name": texts.name,
        "direction_of": texts.direction,
        "moment": partial(_moment, console),
        "day": lambda at: f"{at:%Y-%m-%d}",
        "asset": asset,
        "operator": console.app.office.operator,
    }
    return _environment().get_template(template).render({**helpers, **values})


def _say(console: Console, language: str, key: str, /, **values: object) -> str:
    return console.texts.text(key, language, **values)


def _moment(console: Console, at: datetime) -> Markup:
    """Return a moment as the office's clocks show it: the hour today, else the day too. Pages add how long ago it is."""
    zone = console.app.policies.calendar.zone
    local, today = at.astimezone(zone), console.app.clock.now().astimezone(zone)
    shown = f"{local:%H:%M}" if local.date() == today.date() else f"{local:%Y-%m-%d %H:%M}"
    return Markup('<time datetime="{}">{}</time>').format(at.astimezone(UTC).isoformat(timespec="seconds"), shown)
