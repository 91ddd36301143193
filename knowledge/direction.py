"""Direction marks: what a phone needs to show names and numbers in their order inside a right-to-left text, and nothing more.

A run of Latin letters or digits that shares its line with right-to-left words stands between U+2066 (or U+2068) and U+2069:
otherwise "2-4" is shown as "4-2", and the full stop after "UNHCR." jumps to its other side. Marks that last to the end of the
paragraph, or turn letters round, hide text from who reviews it, and stand nowhere.

Source: Unicode Standard Annex 9; https://www.w3.org/International/questions/qa-bidi-unicode-controls
"""

from collections.abc import Iterator

import regex

RIGHT_TO_LEFT = frozenset({"ar", "fa", "ur", "he"})

_OPEN, _CLOSE = "\u2066\u2068", "\u2069"
_FORBIDDEN = regex.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2067]")
_ISOLATED = regex.compile(rf"[{_OPEN}][^{_OPEN}{_CLOSE}\n]*{_CLOSE}")
_LATIN = r"\p{Script=Latin}\p{N}"
_FOREIGN_RUN = regex.compile(rf"[@/#]?[{_LATIN}](?:[{_LATIN}\p{{M}}.,:/@%+'’ -]*[{_LATIN}\p{{M}}%+])?")
_RIGHT_TO_LEFT_LETTER = regex.compile(r"[\p{Script=Arabic}&&\p{L}]+", regex.V1)
_ISOLATES = regex.compile(rf"[{_OPEN}{_CLOSE}]")
_TORN = regex.compile(rf"(?<!\S)[@/#](?=[{_OPEN}])|(?<={_CLOSE})[%+]")
"""A sign that belongs to the run beside it: alone, it is shown on the run's other side."""


def misdirected(text: str, language: str) -> Iterator[tuple[str, str]]:
    """Yield each place of a text that a phone may show in another order than it is meant, with what to do."""
    for found in _FORBIDDEN.findall(text):
        yield found, f"U+{ord(found):04X} turns what follows: take it out, use U+2066 … U+2069"
    rest = _ISOLATED.sub(" ", text)
    for found in _ISOLATES.findall(rest):
        yield found, f"U+{ord(found):04X} without its other half on the same line: complete it"
    if language in RIGHT_TO_LEFT:
        for sign in _TORN.findall(text):
            yield sign, f'"{sign}" beside an isolated run: put it inside'
        mixed = (line for line in rest.splitlines() if _RIGHT_TO_LEFT_LETTER.search(line))
        for run in (run for line in mixed for run in _FOREIGN_RUN.findall(line)):
            yield run, f'"{run}" in a right-to-left text: put it between U+2066 and U+2069'
    else:
        for run in _RIGHT_TO_LEFT_LETTER.findall(rest):
            yield run, f'"{run}" in a left-to-right text: put it between U+2068 and U+2069'


def without_isolates(text: str) -> str:
    """Return a text without the marks that only say how it is shown."""
    plain: str = _ISOLATES.sub("", text)
    return plain
