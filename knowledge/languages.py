"""Amharic and Tigrinya: two languages of one script, which lingua knows no model of."""

import regex

_LETTER = regex.compile(r"\p{L}")
_ETHIOPIC = regex.compile(r"\p{Script=Ethiopic}")
_TIGRINYA = regex.compile(
    r"""[ቐ-ቝ] | ሓ | \bኣ | \B[ኸ-ኾ]                             # Amharic: ቀ, ሀ, አ; ኸ at most begins a word
    | \b(?:ናይ|እዩ|እየ|እያ|ድዩ|ኢና|ኢኹም|እንታይ|ከመይ|ምስ|ካብ|ንምንታይ|ንሕና|ንስኻ|መን|ይደሊ|የለን|ግዜ|ኩሉ|ክንደይ|ዘሎ)\b""",
    regex.VERBOSE,
)
_AMHARIC = regex.compile(
    r"""[ኘ-ኟ] | \Bሁ\b | \bአ                                   # Tigrinya has no ñ; "I" ends a verb in ኹ there, in ሁ here
    | \b(?:ነው|ናቸው|ነህ|ነሽ|ነበር|አለ|እንዴት|ምን|የት|ማን|ውስጥ|ላይ|እና|ወደ|ጋር|ስለ|ልጄ|እኔ)\b""",
    regex.VERBOSE,
)


def ethiopic_language(text: str) -> str | None:
    """Return ``ti`` or ``am``, by the letters and words common in one and rare in the other; None for a text in another script.

    Each sign counts once; in doubt it is Amharic, which many more people write.
    """
    if len(_ETHIOPIC.findall(text)) * 2 <= len(_LETTER.findall(text)):
        return None
    return "ti" if len(_TIGRINYA.findall(text)) > len(_AMHARIC.findall(text)) else "am"
