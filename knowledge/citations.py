"""Which addresses may be cited: a list of hosts, and refusals that win over it.

Copies of official pages rank high in searches, and test sites stand below official names. So the host decides, never the look of
the text: it is listed (or lies below a listed name), no part of it says "test", and the address carries no second address inside.
"""

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlsplit

import yaml

from knowledge.errors import KnowledgeError

DEFAULT_FILE = Path(__file__).parent / "allowed_hosts.yaml"

_HOST_INSIDE = re.compile(r"(?:^|[/=&?:@])(?:[a-z0-9-]+\.)+(?:com|org|net|int|info|eu|io|dev|app)(?=$|[/?&#:=])", re.IGNORECASE)
"""A name of a host as a path segment or a value: ``/proxy/www.iom.int/``, ``?u=iom.int``; not ``report.pdf``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedHosts:
    """The list as read from its file."""

    exact: frozenset[str]
    below: tuple[str, ...]
    """Names whose sub-domains are allowed too."""
    refused_labels: frozenset[str]
    refused_hosts: dict[str, str]
    """Host and everything below it → what to do instead."""
    refused_paths: tuple[re.Pattern[str], ...]

    def reason_against(self, url: str) -> str | None:
        """Return why ``url`` may not be cited, or None when it may."""
        parts = _split(url)
        if isinstance(parts, str):
            return parts
        host = parts.hostname or ""
        refused = next((remedy for name, remedy in self.refused_hosts.items() if _is_below(host, name)), None)
        if refused:
            return f"{host} is refused: {refused}"
        pieces = {piece for label in host.split(".") for piece in (label, *label.split("-"))}
        if found := sorted(pieces & self.refused_labels):
            return f"{host} looks like a test site ({found[0]}): cite the public page"
        if host not in self.exact and not any(_is_below(host, name) for name in self.below):
            return f"{host} is not on the list of hosts: cite the owner's page, or have the host added to allowed_hosts.yaml"
        return self._reason_against_path(parts)

    def _reason_against_path(self, parts: SplitResult) -> str | None:
        rest = unquote(unquote(f"{parts.path}?{parts.query}#{parts.fragment}"))
        if "//" in rest or _HOST_INSIDE.search(rest):
            return "carries another address in its path or query: cite the page itself"
        if any(pattern.search(rest) for pattern in self.refused_paths):
            return "is made for machines: cite the page for people"
        return None


def check_url(url: str) -> str | None:
    """Return why ``url`` may not be cited, or None when it may."""
    return _default().reason_against(url)


def deep_link(url: str, page: int | None, anchor: str | None) -> str:
    """Return the address that opens a document where a passage stands; one that names a place already is left alone."""
    parts = urlsplit(url)
    is_pdf = parts.path.lower().endswith(".pdf")
    place = (f"page={page}" if page else "") if is_pdf else quote(anchor or "", safe="!$&'()*+,;=:@/?-._~")
    return url if parts.fragment or not place else f"{url.removesuffix('#')}#{place}"


def load(path: Path = DEFAULT_FILE) -> AllowedHosts:
    """Read the list.

    Raises:
        KnowledgeError: the file cannot be read.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        rows = raw["hosts"]
        return AllowedHosts(
            exact=frozenset(row["host"] for row in rows),
            below=tuple(row["host"] for row in rows if row["subdomains"]),
            refused_labels=frozenset(raw["refused_labels"]),
            refused_hosts={row["host"]: row["instead"] for row in raw["refused_hosts"]},
            refused_paths=tuple(re.compile(pattern) for pattern in raw["refused_paths"]),
        )
    except (OSError, KeyError, TypeError, yaml.YAMLError, re.error) as exc:
        raise KnowledgeError(f"The list of hosts {path} cannot be read: {exc!r}; restore it") from exc


@functools.cache
def _default() -> AllowedHosts:
    return load()


def _split(url: str) -> SplitResult | str:
    """Return the parts of a plain https address, or what is wrong with it."""
    if url != url.strip() or any(ch.isspace() or not ch.isprintable() for ch in url) or "\\" in url:
        return "contains a space or an invisible character: copy the address again"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is not a web address"
    if parts.scheme != "https" or not parts.hostname:
        return "must begin with https://"
    if parts.username is not None or parts.password is not None or port not in (None, 443):
        return "must have no user name and no port"
    return parts


def _is_below(host: str, name: str) -> bool:
    return host == name or host.endswith("." + name)
