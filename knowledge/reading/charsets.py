"""Decode a web page: byte order mark, then UTF-8 when it fits, then what the page declares, then a careful guess.

A browser believes the declaration first. But templates declare what they like, and a text in an encoding of one byte a letter is
never UTF-8 by accident; a short Chinese one can be, so those are believed.
"""

import codecs

import regex
from charset_normalizer import from_bytes

from knowledge.reading.original import Unreadable

DECLARED_WITHIN = 4_096
"""Bytes in which a declaration is looked for; browsers look in 1,024, but templates begin with long comments."""

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_DECLARED = regex.compile(
    rb"""(?:<meta[^>]{0,200}?charset\s*=|<\?xml[^>]{0,100}?encoding\s*=)\s*["']?\s*([A-Za-z0-9_:-]{2,40})""", regex.I
)
_AS_BROWSERS = {
    "iso-8859-1": "cp1252", "latin1": "cp1252", "latin-1": "cp1252", "ascii": "cp1252", "us-ascii": "cp1252",
    "iso-8859-9": "cp1254", "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "x-sjis": "cp932", "utf-16": "utf-8",
    "euc-kr": "cp949", "ks_c_5601-1987": "cp949", "iso-8859-11": "cp874", "tis-620": "cp874", "big5": "big5hkscs",
}  # fmt: skip
"""What browsers read under a name. Source: https://encoding.spec.whatwg.org/#names-and-labels"""
_SEVERAL_BYTES = frozenset({"gb18030", "big5hkscs", "cp932", "cp949", "euc-jp", "iso-2022-jp"})


def decode_page(raw: bytes) -> str:
    """Return the text of a page.

    Raises:
        Unreadable: no encoding fits.
    """
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return _strict(raw, encoding) or _refused()
    declared = _declared(raw)
    for name in (declared, "utf-8") if declared in _SEVERAL_BYTES else ("utf-8", declared):
        if (text := _strict(raw, name)) is not None:
            return text
    guess = from_bytes(raw).best()
    return str(guess) if guess is not None else _refused()


def _declared(raw: bytes) -> str | None:
    match = _DECLARED.search(raw, 0, DECLARED_WITHIN)
    if match is None:
        return None
    name: str = match.group(1).decode("ascii").lower()
    return _AS_BROWSERS.get(name, name)


def _strict(raw: bytes, name: str | None) -> str | None:
    try:
        return str(raw, name) if name else None
    except (UnicodeDecodeError, LookupError):
        return None


def _refused() -> str:
    raise Unreadable("is in an encoding that cannot be told: save the page as UTF-8")
