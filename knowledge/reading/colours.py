"""Tell whether letters can be seen on their ground.

Source: https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio
"""

import regex

MIN_CONTRAST = 1.2
"""Of letters to their ground: black on white is 21, and nobody reads below this."""
WHITE = 1.0

_HEX = regex.compile(r"#?([0-9a-f]{6}|[0-9a-f]{3})", regex.I)
_RGB = regex.compile(r"rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})", regex.I)
_NAMES = {"white": WHITE, "black": 0.0, "snow": 0.97, "ivory": 0.99, "whitesmoke": 0.91, "ghostwhite": 0.94}


def luminance(red: float, green: float, blue: float) -> float:
    """Return how light a colour is, from 0 to 1; its parts are from 0 to 1."""
    return 0.2126 * _linear(red) + 0.7152 * _linear(green) + 0.0722 * _linear(blue)


def luminance_written(colour: str) -> float | None:
    """Return the same of a colour as web pages and Word write it; None when it says nothing ("auto", "inherit")."""
    text = colour.strip().lower()
    if match := _RGB.match(text):
        return luminance(*(min(int(part), 255) / 255 for part in match.groups()))
    if match := _HEX.match(text):
        digits = match.group(1) if len(match.group(1)) == 6 else "".join(2 * digit for digit in match.group(1))
        return luminance(*(int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)))
    return _NAMES.get(text.partition(" ")[0])


def can_be_seen(letters: float | None, ground: float | None) -> bool:
    """Return whether letters of one luminance can be read on another; what is not known is taken to be seen."""
    if letters is None or ground is None:
        return True
    return (max(letters, ground) + 0.05) / (min(letters, ground) + 0.05) >= MIN_CONTRAST


def _linear(part: float) -> float:
    return float(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4)
