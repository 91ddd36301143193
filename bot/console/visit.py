"""One request of somebody who has signed in, and what pages are made of."""

import hashlib
import hmac
import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request

from bot.console.live import Hub
from bot.console.made import Made
from bot.domain.errors import InvalidTransition
from bot.domain.people import DeskRole, StaffMember
from bot.service.accounts import SignedIn
from bot.service.app import App
from bot.service.office_ports import Credentials
from knowledge.store import KnowledgeStore

T = TypeVar("T")

LANGUAGE_COOKIE = "waypost_language"


class Texts(Protocol):
    """Words of the console by language."""

    def text(self, key: str, language: str, /, **values: object) -> str: ...

    def languages(self) -> Mapping[str, str]:
        """Return code → native name of the languages the console speaks."""
        ...

    def direction(self, language: str) -> str:
        """Return ``ltr`` or ``rtl``, of any language people write."""
        ...

    def name(self, language: str) -> str:
        """Return the native name of any language people write."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the console is reached."""

    origins: frozenset[str]
    """What a browser names as the origin of our own pages."""
    is_secure: bool
    """Reached over https: cookies are for that alone."""

    @classmethod
    def at(cls, public_url: str | None, port: int) -> "Place":
        """Return the place of a console behind ``public_url``, or on loopback at ``port``."""
        if public_url is not None:
            parts = urlsplit(public_url)
            return cls(origins=frozenset({f"{parts.scheme}://{parts.netloc}"}), is_secure=parts.scheme == "https")
        return cls(origins=frozenset({f"http://127.0.0.1:{port}", f"http://localhost:{port}"}), is_secure=False)

    @property
    def hosts(self) -> frozenset[str]:
        return frozenset(urlsplit(origin).netloc for origin in self.origins)

    @property
    def cookie(self) -> str:
        """Name of the session's cookie; the prefix makes browsers refuse one set over http, or by a neighbour."""
        return "__Host-waypost" if self.is_secure else "waypost_session"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A case in the queue, ready to be shown."""

    number: str
    html: str

    @property
    def id(self) -> str:
        return f"row-{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """What every page is given."""

    app: App
    credentials: Credentials
    texts: Texts
    library: KnowledgeStore
    hub: Hub
    place: Place
    made: Made = field(default_factory=Made)
    """Rows of the queue, and which messages are folded."""

    def language_of(self, request: Request) -> str:
        """Return the language a browser is shown: chosen, else the first it asks for that we have, else that of the office."""
        known = self.texts.languages()
        chosen = request.cookies.get(LANGUAGE_COOKIE, "")
        asked = [part.split(";")[0].strip()[:2].lower() for part in request.headers.get("accept-language", "").split(",")]
        return next((code for code in (chosen, *asked) if code in known), self.app.office.default_language)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Somebody who has signed in, with the language they read."""

    console: Console
    who: SignedIn
    language: str
    form: FormData
    """What was sent with a POST; empty otherwise."""

    @property
    def app(self) -> App:
        return self.console.app

    @property
    def member(self) -> StaffMember:
        return self.who.member

    @property
    def role(self) -> DeskRole:
        return self.who.member.desk_role

    @property
    def csrf(self) -> str:
        return csrf_of(self.who.token)

    def say(self, key: str, **values: object) -> str:
        return self.console.texts.text(key, self.language, **values)

    def refusal(self, refused: InvalidTransition) -> str:
        """Return why something was not done, in the reader's language."""
        return self.say("refused", why=self.say(f"not_{refused.why}") if refused.why else str(refused))

    async def read_library(self, work: Callable[[Connection], T]) -> T:
        """Return what ``work`` reads in the library; it runs in another thread."""

        def read() -> T:
            with self.console.library.reading() as connection:
                return work(connection)

        return await run_in_threadpool(read)

    def field(self, name: str) -> str:
        """Return a field of the form as text, without blanks at its ends; empty when it is missing."""
        return typed(self.form, name).strip()


def typed(form: FormData, name: str) -> str:
    """Return a field of a form letter by letter, as passwords are compared; empty when it is missing."""
    value = form.get(name)
    return value if isinstance(value, str) else ""


def csrf_of(token: str) -> str:
    """Return the token of a session's forms."""
    return hashlib.sha256(f"form:{token}".encode()).hexdigest()


def is_ours(given: str, token: str) -> bool:
    """Whether a form was made for this session."""
    return hmac.compare_digest(given.encode(), csrf_of(token).encode())


def address_of(request: Request) -> str:
    """Return where a request comes from: the network of an IPv6 address, for one household has many."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else host
