"""Tell what a reader of a page does not see, and what is no part of its text: menus, banners, footers."""

import regex
from lxml import html  # type: ignore[import-untyped]

from knowledge.reading.colours import WHITE, can_be_seen, luminance_written

_SELECTOR = regex.compile(r"(?<![\w.#-])([.#])([\w-]+)\s*(?=[,{])")
_RULE = regex.compile(r"([^{}]+)\{([^{}]*)\}")
_AT_RULE = regex.compile(r"@[\w-]+[^{};]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}|/\*.*?\*/", regex.S)
_HIDES = regex.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|font-size\s*:\s*0*(?:\.0+)?[01]?(?:px|pt|em|rem|%)?\s*(?:[;!]|$)"
    r"|opacity\s*:\s*0*(?:\.0+)?\s*(?:[;!]|$)|(?:left|right|top|text-indent|margin-left)\s*:\s*-\d{3,}"
    r"|(?<![\w-])color\s*:\s*transparent",
    regex.I,
)
_COLOUR = regex.compile(r"(?<![\w-])color\s*:\s*([^;!]+)", regex.I)
_BACKGROUND = regex.compile(r"background(?:-color|-image)?\s*:\s*([^;!]+)", regex.I)
_ROLES = frozenset({"navigation", "banner", "contentinfo", "complementary", "search", "dialog", "alertdialog", "menu", "menubar"})
_NAMES = regex.compile(
    r"cookie|consent|gdpr|breadcrumb|skip-?(?:link|nav|to)|(?:^|[\s_-])(?:share|social|newsletter|sidebar|pagination|related-?posts|site-?footer)"
    r"(?:$|[\s_-])",
    regex.I,
)
_NAMED = frozenset({"div", "section", "ul", "ol", "p", "form", "span", "a"})
MAX_BOILERPLATE = 3_000
"""Characters up to which a box is dropped for its name alone: a whole page inside ``class="cookie-policy"`` is its text."""


def is_boilerplate(element: html.HtmlElement) -> bool:
    """Return whether an element frames the text rather than belongs to it."""
    if element.tag == "header":
        return next(element.iterancestors("main", "article"), None) is None and element.find(".//h1") is None
    if (element.get("role") or "").lower() in _ROLES:
        return True
    if element.tag not in _NAMED or not _NAMES.search(f"{element.get('class', '')} {element.get('id', '')}"):
        return False
    return len(element.text_content()) <= MAX_BOILERPLATE


class Hiding:
    """What a page hides: by attribute, by inline style, and by the simple rules of its own style sheets."""

    def __init__(self, root: html.HtmlElement) -> None:
        self._classes: set[str] = set()
        self._ids: set[str] = set()
        for sheet in root.iter("style"):
            self._read(sheet.text or "")

    def hides(self, element: html.HtmlElement) -> bool:
        """Return whether this very element is hidden; one inside a hidden one need not be asked."""
        style = element.get("style", "")
        return (
            "hidden" in element.attrib
            or element.get("aria-hidden", "").lower() == "true"
            or bool(style and _HIDES.search(style))
            or not _can_be_read(element, style)
            or element.get("id") in self._ids
            or not self._classes.isdisjoint(element.get("class", "").split())
        )

    def _read(self, sheet: str) -> None:
        """Keep the classes and ids of rules that hide; rules for print or small screens say nothing about the page."""
        for selectors, body in _RULE.findall(_AT_RULE.sub(" ", sheet)):
            if _HIDES.search(body):
                for sign, name in _SELECTOR.findall(f"{selectors.strip()}{{"):
                    (self._classes if sign == "." else self._ids).add(name)


def _can_be_read(element: html.HtmlElement, style: str) -> bool:
    """Compare the colour an element gives its letters with the nearest ground that is stated."""
    match = _COLOUR.search(style)
    return match is None or can_be_seen(luminance_written(match.group(1)), _ground(element))


def _ground(element: html.HtmlElement) -> float | None:
    for one in (element, *element.iterancestors()):
        if match := _BACKGROUND.search(one.get("style", "")):
            return luminance_written(match.group(1))
        if one.get("bgcolor"):
            return luminance_written(one.get("bgcolor"))
    return WHITE
