"""One spelling for many: what people type on a phone, brought to the form in which patterns are written.

The text becomes lower-case words separated by single spaces, with ``.`` standing for the end of a sentence and
a space at both ends. Lexicons pass through the same function when they are loaded, so a reviewer writes a word
as a dictionary has it ("kidnapped", "l'été", "أُخْت") and it meets "KIDNAPED!!", "l ete" and "اخت".

What is folded away, and why:

* case, accents, tashkeel, tatweel, zero-width signs: rarely typed;
* apostrophes: "can't", "cant" and "can’t" are one word; French "j ai" and "j'ai" become "jai";
* doubled letters: "kidnaped", "heeelp", "pasport" (digits are kept as they are);
* Arabic and Persian letter variants (alef, ya, kaf, ta marbuta, hamza seats), Ethiopic homophones;
* digits of any script become 0-9 and stand alone: "14yo" is "14 yo", Arabizi "3omri" is "3 omri".
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MARKS: Final[dict[int, None]] = dict.fromkeys(
    code
    for first, last in (
        (0x0300, 0x036F), (0x0483, 0x0489), (0x0591, 0x05C7), (0x0610, 0x061A), (0x064B, 0x065F),
        (0x0670, 0x0670), (0x06D6, 0x06ED), (0x08D3, 0x08FF), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF),
        (0x20D0, 0x20F0), (0xFE00, 0xFE0F), (0xFE20, 0xFE2F),
        (0x0640, 0x0640), (0x00AD, 0x00AD), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x2069),
        (0xFEFF, 0xFEFF), (0xE0000, 0xE007F),
        (0x0027, 0x0027), (0x0060, 0x0060), (0x00B4, 0x00B4), (0x2018, 0x201B), (0x2032, 0x2032),
        (0x02B9, 0x02BF), (0xFF07, 0xFF07),
    )
    for code in range(first, last + 1)
)  # fmt: skip

ARABIC: Final = {
    ord(variant): plain
    for variants, plain in (("أإآٱ", "ا"), ("ىیۍې", "ي"), ("ئ", "ي"), ("ؤ", "و"), ("ةۀ", "ه"), ("کڪ", "ك"), ("ھہە", "ه"))
    for variant in variants
}
ETHIOPIC: Final = {
    source + order: target + order
    for source, target in ((0x1210, 0x1200), (0x1280, 0x1200), (0x1220, 0x1230), (0x12D0, 0x12A0), (0x1340, 0x1338))
    for order in range(7)
}
# NFD writes the Arabic hamza seats as letter + mark and NFKC composes them; both tables are needed.
LETTERS: Final[dict[int, str | int]] = {
    **ARABIC,
    **ETHIOPIC,
    ord("ı"): "i",
    ord("ø"): "o",
    ord("œ"): "oe",
    ord("æ"): "ae",
    ord("ł"): "l",
}
EMOJI: Final = str.maketrans(
    {"😂": " lol ", "🤣": " lol ", "😅": " lol ", "👍": " thumbsup ", "👎": " thumbsdown ", "🆘": " sos "}
)
WORDS: Final = re.compile(r"[^\W\d_]+|\d+|\.{2,}|[.!?؟;؛\n።।]+")
INITIALS: Final = re.compile(r"\b(?:[^\W\d_]\.){2,}(?:[^\W\d_]\b)?")
DECIMAL: Final = re.compile(r"(?<=\d)[.,:٫٬](?=\d)")
REPEATED: Final = re.compile(r"([^\W\d_])\1+")
JOINS: Final = (
    (re.compile(r"(?<= )i (?=(?:m|ve|l|d) )"), "i"),
    (re.compile(r"(?<= )(don|can|won|didn|isn|doesn|couldn|wasn|aren|haven|hasn|wouldn) t(?= )"), r"\1t"),
    (re.compile(r"(?<= )([jlmtsdnc]|qu) (?=[aeiouyh])"), r"\1"),
)


def normalise(text: str) -> str:
    """Return ``text`` as ``" word word . word "``; a single space when nothing is left."""
    folded = unicodedata.normalize("NFKC", text.translate(EMOJI)).casefold()
    folded = unicodedata.normalize("NFD", folded).translate(MARKS)
    folded = unicodedata.normalize("NFC", folded).translate(LETTERS)
    folded = "".join(_digit(sign) for sign in folded) if not folded.isascii() else folded
    folded = INITIALS.sub(lambda found: found.group().replace(".", ""), folded)
    folded = REPEATED.sub(r"\1", DECIMAL.sub(" ", folded))
    tokens: list[str] = []
    for token in WORDS.findall(folded):
        if token[0].isalnum():
            tokens.append(token)
        elif token[:2] != ".." and tokens and tokens[-1] != ".":
            tokens.append(".")
    joined = f" {' '.join(tokens)} " if tokens else " "
    for pattern, replacement in JOINS:
        joined = pattern.sub(replacement, joined)
    return joined


def _digit(sign: str) -> str:
    """Return the plain digit for a decimal digit of another script, else the sign itself."""
    return sign if sign < "\u0660" or not sign.isdecimal() else str(unicodedata.decimal(sign))
