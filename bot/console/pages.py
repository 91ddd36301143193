"""Every page of the console: path, method, who may, what it does. The authorization matrix is made from this list."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from bot.console.access import (
    ADMINISTERS,
    AGREES,
    ASKS,
    AUDITS,
    DESK,
    EDITS,
    EVERY_ROLE,
    FOCAL,
    INVITES,
    OVERSEES,
    SEES_GAPS,
    OpenPage,
    Page,
)
from bot.console.frame import Guard, not_found, serve
from bot.console.paper import STATIC
from bot.console.routes import ask, cases, gaps, library, office, sign_in
from bot.console.visit import Console

OPEN_PAGES: tuple[OpenPage, ...] = (
    OpenPage(path="/sign-in", method="GET", endpoint=sign_in.form),
    OpenPage(path="/sign-in", method="POST", endpoint=sign_in.sign_in),
    OpenPage(path="/welcome", method="GET", endpoint=sign_in.welcome),
    OpenPage(path="/welcome", method="POST", endpoint=sign_in.accept),
    OpenPage(path="/language", method="POST", endpoint=sign_in.choose_language),
)
PAGES: tuple[Page, ...] = (
    Page(path="/", method="GET", endpoint=sign_in.home, roles=EVERY_ROLE),
    Page(path="/sign-out", method="POST", endpoint=sign_in.sign_out, roles=EVERY_ROLE),
    Page(path="/account", method="GET", endpoint=sign_in.account, roles=EVERY_ROLE),
    Page(path="/account/password", method="POST", endpoint=sign_in.change_password, roles=EVERY_ROLE),
    Page(path="/account/away", method="POST", endpoint=office.away, roles=EVERY_ROLE),
    Page(path="/still-here", method="GET", endpoint=sign_in.still_here, roles=EVERY_ROLE),
    Page(path="/cases", method="GET", endpoint=cases.show_queue, roles=DESK),
    Page(path="/cases/stream", method="GET", endpoint=cases.queue_stream, roles=DESK, is_live=True),
    Page(path="/cases/next", method="POST", endpoint=cases.take_next, roles=DESK),
    Page(path="/cases/{number}", method="GET", endpoint=cases.show_case, roles=DESK),
    Page(path="/cases/{number}/stream", method="GET", endpoint=cases.case_stream, roles=DESK, is_live=True),
    Page(path="/cases/{number}/aid", method="GET", endpoint=cases.show_aid, roles=DESK, is_live=True),
    Page(path="/cases/{number}/do", method="POST", endpoint=cases.do, roles=DESK),
    Page(path="/cases/{number}/reply", method="POST", endpoint=cases.reply, roles=DESK),
    Page(path="/cases/{number}/note", method="POST", endpoint=cases.note, roles=DESK),
    Page(path="/cases/{number}/open", method="POST", endpoint=cases.ask_to_open, roles=OVERSEES),
    Page(path="/sealed", method="GET", endpoint=office.show_sealed, roles=AGREES),
    Page(path="/sealed/{number}", method="POST", endpoint=office.agree, roles=AGREES),
    Page(path="/sealed/{number}/end", method="POST", endpoint=office.end, roles=FOCAL),
    Page(path="/ask", method="GET", endpoint=ask.show, roles=ASKS),
    Page(path="/ask", method="POST", endpoint=ask.ask, roles=ASKS),
    Page(path="/ask/report", method="POST", endpoint=ask.report, roles=ASKS),
    Page(path="/passages/{number}", method="GET", endpoint=ask.passage, roles=ASKS),
    Page(path="/gaps", method="GET", endpoint=gaps.show, roles=SEES_GAPS),
    Page(path="/gaps/{number}", method="GET", endpoint=gaps.gap, roles=SEES_GAPS),
    Page(path="/gaps/{number}/assign", method="POST", endpoint=gaps.assign, roles=SEES_GAPS),
    Page(path="/gaps/{number}/close", method="POST", endpoint=gaps.close, roles=EDITS),
    Page(path="/library", method="GET", endpoint=library.show, roles=ASKS),
    Page(path="/library/{collection}/{path:path}", method="GET", endpoint=library.document, roles=ASKS),
    Page(path="/library/{collection}/{path:path}", method="POST", endpoint=library.withdraw, roles=EDITS),
    Page(path="/figures", method="GET", endpoint=office.figures, roles=OVERSEES),
    Page(path="/accounts", method="GET", endpoint=office.show_accounts, roles=INVITES),
    Page(path="/accounts/invite", method="POST", endpoint=office.invite, roles=INVITES),
    Page(path="/accounts/change", method="POST", endpoint=office.change, roles=ADMINISTERS),
    Page(path="/log", method="GET", endpoint=office.log, roles=AUDITS),
)


def build(console: Console) -> Starlette:
    """Return the console as an application."""
    pages: Sequence[Page | OpenPage] = (*OPEN_PAGES, *PAGES)
    routes: list[BaseRoute] = [Route(one.path, serve(console, one), methods=[one.method]) for one in pages]
    # Only assets are compressed: pages hold tokens, and the length of what is compressed tells of its content.
    static = GZipMiddleware(StaticFiles(directory=STATIC), minimum_size=500)
    routes.append(Mount("/static", static))
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, place=console.place)],
        exception_handlers={404: not_found(console), 405: not_found(console)},
    )
