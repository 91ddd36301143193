"""Amharic and Tigrinya: two languages of one script, which lingua knows no model of."""

import regex

ETHIOPIC = regex.compile(r"\p{Script=Ethiopic}")
TIGRINYA = regex.compile(
    r"""[ቐ-ቝ] | ሓ | \bኣ | \B[ኸ-ኾ]                             # Amharic: ቀ, ሀ, አ; ኸ at most begins a word
    | \b(?:ናይ|እዩ|እየ|እያ|ድዩ|ኢና|ኢኹም|እንታይ|ከመይ|ምስ|ካብ|ንምንታይ|ንሕና|ንስኻ|መን|ይደሊ|የለን|ግዜ|ኩሉ|ክንደይ|ዘሎ)\b""",
    regex.VERBOSE,
)
AMHARIC = regex.compile(
    r"""[ኘ-ኟ] | \Bሁ\b | \bአ                                   # Tigrinya has no ñ; "I" ends a verb in ኹ there, in ሁ here
    | \b(?:ነው|ናቸው|ነህ|ነሽ|ነበር|አለ|እንዴት|ምን|የት|ማን|ውስጥ|ላይ|እና|ወደ|ጋር|ስለ|ልጄ|እኔ)\b""",
    regex.VERBOSE,
)


def ethiopic_language(text: str) -> str:
    """Return ``ti`` or ``am`` for a text in Ethiopic script, by the letters and words common in one and rare in the other.

    Each sign counts once; in doubt it is Amharic, which many more people write.
    """
    return "ti" if len(TIGRINYA.findall(text)) > len(AMHARIC.findall(text)) else "am"
