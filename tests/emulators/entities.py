"""Formatted text: lengths in UTF-16 units, HTML parsing, and the checks Telegram makes on entities.

Markdown is not parsed: the product sends entities, and a half-right parser would hide mistakes.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

from emulators.errors import CAPTION_TOO_LONG, TEXT_EMPTY, TEXT_TOO_LONG, bad_request

MAX_TEXT = 4096
MAX_CAPTION = 1024
Entities = list[dict[str, Any]]

_TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "code": "code",
    "pre": "pre",
    "tg-spoiler": "spoiler",
    "blockquote": "blockquote",
    "a": "text_link",
}
_COMMAND = re.compile(r"(?:(?<=\s)|^)/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?")
_URL = re.compile(r"https?://[^\s<>]+")


def utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def message_text(text: str, parse_mode: str | None, entities: Entities | None) -> dict[str, Any]:
    """Content fields of a text message: ``{"text", "entities"?}``."""
    plain, found = _formatted(text, parse_mode, entities)
    if not plain:
        raise bad_request(TEXT_EMPTY)
    if utf16_length(plain) > MAX_TEXT:
        raise bad_request(TEXT_TOO_LONG)
    return {"text": plain, **({"entities": found} if found else {})}


def message_caption(text: str | None, parse_mode: str | None, entities: Entities | None) -> dict[str, Any]:
    """Content fields of a caption, none when it is empty."""
    plain, found = _formatted(text or "", parse_mode, entities)
    if utf16_length(plain) > MAX_CAPTION:
        raise bad_request(CAPTION_TOO_LONG)
    return ({"caption": plain} if plain else {}) | ({"caption_entities": found} if found and plain else {})


def typed_text(text: str) -> dict[str, Any]:
    """What a person's client sends: commands and links are marked, as Telegram's server does."""
    found: Entities = [
        {"type": kind, "offset": utf16_length(text[: match.start()]), "length": utf16_length(match[0])}
        for kind, pattern in (("bot_command", _COMMAND), ("url", _URL))
        for match in pattern.finditer(text)
    ]
    found.sort(key=lambda entity: entity["offset"])
    return {"text": text, **({"entities": found} if found else {})}


def _formatted(text: str, parse_mode: str | None, entities: Entities | None) -> tuple[str, Entities]:
    if entities is not None:
        _check(text, entities)
        return text.rstrip(), entities
    if not parse_mode:
        return text.strip(), []
    if parse_mode.lower() != "html":
        raise bad_request("unsupported parse_mode")
    return parse_html(text)


def parse_html(text: str) -> tuple[str, Entities]:
    """Return the text without tags and its entities, in order of offset."""
    parser = _Html()
    parser.feed(text)
    parser.close()
    if parser.open_tags:
        tag = parser.open_tags[-1][0]
        raise bad_request(f"can't parse entities: Can't find end tag corresponding to start tag \"{tag}\"")
    parser.found.sort(key=lambda entity: (entity["offset"], -entity["length"]))
    return parser.text.strip(), parser.found


class _Html(HTMLParser):
    """Collects plain text and entities; refuses what Telegram refuses."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.found: Entities = []
        self.open_tags: list[tuple[str, int, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS:
            offset = len(self.text.encode())
            raise bad_request(f'can\'t parse entities: Unsupported start tag "{tag}" at byte offset {offset}')
        self.open_tags.append((tag, utf16_length(self.text), dict(attrs).get("href")))

    def handle_endtag(self, tag: str) -> None:
        if not self.open_tags or self.open_tags[-1][0] != tag:
            raise bad_request(f'can\'t parse entities: Unmatched end tag "</{tag}>"')
        name, start, href = self.open_tags.pop()
        if length := utf16_length(self.text) - start:
            link = {"url": href} if href else {}
            self.found.append({"type": _TAGS[name], "offset": start, "length": length, **link})

    def handle_data(self, data: str) -> None:
        self.text += data


def _check(text: str, entities: Entities) -> None:
    encoded = text.encode("utf-16-le", "surrogatepass")
    end = len(encoded) // 2
    for entity in entities:
        start, stop = entity["offset"], entity["offset"] + entity["length"]
        where = f"entity beginning at UTF-16 offset {start} ends"
        if stop > end:
            raise bad_request(f"{where} after the end of the text at UTF-16 offset {stop}")
        if stop < end and 0xDC <= encoded[stop * 2 + 1] <= 0xDF:
            raise bad_request(f"{where} in a middle of a UTF-16 symbol at UTF-16 offset {stop}")
