"""Find what an editor must see before anybody is shown a text: hidden signs, and words that speak to a machine, not to a person.

A document that gives a concern is kept back, not thrown away: an office's guide to prompt injection quotes the very sentences. So
the table is small, each phrase names a machine's instructions (prompt, model, previous instructions) and never a verb alone, and
ordinary guidance passes: "follow the instructions above", "ignore previous versions of this form".

Joiners, isolates and direction marks are ordinary letters of Arabic, Persian, Indic and Thai texts. Only what no script needs is
a concern: tag characters, overrides, long runs of signs without width, such signs inside Latin or Cyrillic words.
"""

import unicodedata
from collections.abc import Iterator

import regex

MAX_CONCERNS = 20
"""Named one by one; an editor has seen enough then."""
EXCERPT = 80

_FLAG = "\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f"
_WITHOUT_WIDTH = "\u200b-\u200d\u2060-\u2064\ufeff\u180e"
_HIDDEN_SIGNS = (
    (regex.compile(rf"(?:{_FLAG})(*SKIP)(*FAIL)|[\U000e0000-\U000e007f]+"), "invisible tag characters"),
    (regex.compile("[\U000e0100-\U000e01ef]{2,}"), "invisible variation selectors in a row"),
    (regex.compile("[\u202d\u202e][^\n]*"), "a sign that reverses the order of letters"),
    (regex.compile(rf"[{_WITHOUT_WIDTH}]{{4,}}"), "a run of signs without width"),
)  # fmt: skip
_SPLIT_WORD = regex.compile(rf"[\p{{Latin}}\p{{Cyrillic}}][{_WITHOUT_WIDTH}]+(?=[\p{{Latin}}\p{{Cyrillic}}])")
_SPLIT_WORDS_FROM = 3
"""One such sign in a word is a leftover of a copy; three are a pattern."""

# ruff: noqa: E501 - one phrase, one line
_INSTRUCTIONS = {
    "en": (
        r"(?<!\bnot |\bnever |n't )\b(?:ignore|disregard|forget|override|bypass)\b(?: (?:all|any|every|each|everything|of|the|your|my|our|these|those|and)){0,4}"
        r" (?:previous|prior|above|earlier|preceding|foregoing|existing)(?: (?:and|or|system|previous|prior|above)){0,3}"
        r" (?:instructions?|prompts?|directions|context|commands?)\b",
        r"\bforget (?:all|everything)(?: of)? (?:your|you (?:were|have been)) (?:instructions?|prompts?|training|told)\b",
        r"\b(?:ignore|disregard) (?:all |everything |of |the )+above\b(?! (?:if|notice|section|table|paragraph|form|letter|when))",
        r"\byou are (?:now|no longer|from now on) (?:\w+ ){0,3}(?:AI|assistant|chat ?bot|language model|LLM|DAN|jailbroken|unrestricted|persona)\b",
        r"\bfrom now on,? you (?:will |must |should |shall )?(?:act as|behave as|pretend|role-?play|answer (?:only|every|as)|respond (?:only|with|as))\b",
        r"\bsystem prompts?\b", r"\bdeveloper mode\b(?= (?:enabled|on|activated))",
        r"\b(?:reveal|print|repeat|show|output|leak) (?:me )?(?:all )?(?:of )?your (?:\w+ ){0,2}(?:prompt|instructions)\b",
        r"\bas an? (?:AI|artificial intelligence|large language) (?:language )?(?:model|assistant)\b", r"\bas an? AI,",
        r"\b(?:if you are|note to|attention|dear|instructions? (?:to|for))[:,]? (?:an? |the |any |all )?(?:AI|LLM|language model|chat ?bot)s?\b",
    ),
    "fr": (
        r"\b(?:ignore[zr]?|oublie[zr]?|ne tiens pas compte de|ne tenez pas compte de)(?: (?:toutes|tous|tout))?(?: (?:les|tes|vos|ces|des))?"
        r" (?:instructions|consignes|directives) (?:précédentes|antérieures|données|ci-dessus|qui précèdent)",
        r"\b(?:tu es|vous êtes) (?:maintenant|désormais) (?:\w+ ){0,3}(?:assistant|chatbot|robot|IA|modèle de langage)\b",
        r"\ben tant qu(?:e |['’])(?:une )?(?:IA|intelligence artificielle|modèle de langage)\b",
        r"\b(?:prompt|invite) (?:du )?système\b",
    ),
    "es": (
        r"(?<!\bno )\b(?:ignor[ae]d?|ignoren|olvid[ae]d?|descart[ae]d?|omit[ae])(?: (?:todas|todos))?(?: (?:las|los|tus|sus|mis))?"
        r" (?:instrucciones|indicaciones|órdenes) (?:anteriores|previas|precedentes|de arriba)",
        r"\b(?:ahora eres|ahora es usted|eres ahora) (?:\w+ ){0,3}(?:asistente|chatbot|robot|IA|modelo de lenguaje)\b",
        r"\bcomo (?:una |un )?(?:IA|inteligencia artificial|modelo de lenguaje),", r"\bprompt del sistema\b",
    ),
    "pt": (
        r"(?<!\bnão )\b(?:ignor[ae]m?|esqueç[ao]m?|desconsider[ae]m?)(?: (?:todas|todos))?(?: (?:as|os|suas|tuas))?"
        r" (?:instruções|orientações|ordens) (?:anteriores|prévias|precedentes|acima)",
        r"\b(?:agora você é|você agora é|agora és) (?:\w+ ){0,3}(?:assistente|chatbot|robô|IA|modelo de linguagem)\b",
        r"\bcomo (?:uma |um )?(?:IA|inteligência artificial|modelo de linguagem),", r"\bprompt d[eo] sistema\b",
    ),
    "ru": (
        r"(?<!\bне )\b(?:про)?(?:игнорируй|забудь)(?:те)?(?: (?:все|всё|свои|эти|любые)){0,2}"
        r" (?:предыдущие|прежние|прошлые|вышеуказанные|вышеизложенные) (?:инструкции|указания|команды)",
        r"\b(?:ты|вы) (?:теперь|отныне)(?: —| -)? (?:\w+ ){0,3}(?:ассистент|помощник|чат-?бот|бот|языковая модель|ИИ)\b",
        r"\bкак (?:языковая модель|искусственный интеллект|ИИ),", r"\bсистемн\w+ промпт\w*",
    ),
    "ar": (
        r"(?:تجاهل|تجاهلي|تجاهلوا|انس|انسى|انسوا|اهمل)(?: (?:جميع|كل|كافة|كافه))? (?:التعليمات|الاوامر|التوجيهات|الارشادات)"
        r" (?:السابقة|السابقه|اعلاه|المذكورة اعلاه|الواردة اعلاه)",
        r"(?:انت|انتم) (?:الان|منذ الان) (?:\w+ ){0,2}(?:مساعد|روبوت|نموذج لغوي|ذكاء اصطناعي)",
        r"بصفتك (?:\w+ )?(?:نموذج|ذكاء اصطناعي|روبوت)", r"موجه النظام",
    ),
    "any": (
        r"<\|(?:im_start|im_end|system|user|assistant|endoftext|begin_of_text|start_header_id|end_header_id|eot_id)\|>",
        r"\[/?INST\]", r"<</?SYS>>", r"#{2,} ?(?:system|assistant) ?:",
    ),
}  # fmt: skip
"""Phrases by language, matched on a text without vowel marks, hamza and signs without width; look-alikes stand in the tests."""

_SPEAKS_TO_MACHINE = regex.compile("|".join(phrase for phrases in _INSTRUCTIONS.values() for phrase in phrases), regex.I)
_FOLDED = str.maketrans("أإآٱ", "اااا")
_LEFT_OUT = regex.compile(r"[\p{Cf}\u064b-\u0652\u0670\u0640*`]+")
_COMMENT = regex.compile(r"<!--(.*?)(?:-->|\Z)", regex.S)
_TAG = regex.compile(r"<[^>]*>")
_WORD = regex.compile(r"\p{L}{2,}")
_PROSE_FROM = 8
"""Words from which hidden text is prose; labels and hints for screen readers have fewer."""
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Khmer}\p{Lao}\p{Myanmar}]")
_PROSE_SIGNS_FROM = 24
"""The same for scripts that write no spaces."""


def concerns_about(text: str) -> list[str]:
    """Return why an editor must look at a visible text; none for an ordinary one."""
    return [*_hidden_signs(text), *_phrases(text)]


def concerns_about_markdown(text: str) -> list[str]:
    """Return the same for a text in Markdown, whose comments nobody sees but everybody is answered from."""
    comments = [match.group(1) for match in _COMMENT.finditer(text) if is_prose(match.group(1))]
    return [*concerns_about(text), *(f"holds a comment that readers do not see: {excerpt(one)}" for one in comments)]


def speaks_to_machine(text: str) -> bool:
    """Return whether a text gives instructions to a machine."""
    return _SPEAKS_TO_MACHINE.search(_plain(text)) is not None


def is_prose(text: str) -> bool:
    """Return whether hidden text says something, other than a label does."""
    words = _TAG.sub(" ", text)
    return (
        len(_WORD.findall(words)) >= _PROSE_FROM or len(_UNSPACED.findall(words)) >= _PROSE_SIGNS_FROM or speaks_to_machine(words)
    )


def excerpt(text: str) -> str:
    """Return the first words, in quotes."""
    words = " ".join(text.split())
    return f"“{words[:EXCERPT].rstrip()}{'…' if len(words) > EXCERPT else ''}”"


def _hidden_signs(text: str) -> Iterator[str]:
    for pattern, name in _HIDDEN_SIGNS:
        if match := pattern.search(text):
            yield f"line {_line(text, match.start())} holds {name}, near {_around(text, match.start())}"
    if len(split := list(_SPLIT_WORD.finditer(text))) >= _SPLIT_WORDS_FROM:
        start = split[0].start()
        yield f"line {_line(text, start)} holds signs without width inside words ({len(split)} times), near {_around(text, start)}"


def _phrases(text: str) -> Iterator[str]:
    line = 1
    for block in text.split("\n\n"):
        if match := _SPEAKS_TO_MACHINE.search(plain := _plain(block)):
            yield f"line {line} speaks to a machine: {excerpt(plain[max(0, match.start() - 10) :])}"
        line += block.count("\n") + 2


def _plain(text: str) -> str:
    return " ".join(_LEFT_OUT.sub("", unicodedata.normalize("NFKC", text).translate(_FOLDED)).split())


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def _around(text: str, place: int) -> str:
    """Return the visible words at a place."""
    near = text[max(0, place - 40) : place + 40]
    return excerpt("".join(sign for sign in near if unicodedata.category(sign) not in ("Cf", "Mn") or sign.isspace()))


def shortened(concerns: list[str]) -> list[str]:
    """Return the first concerns, and how many more there are."""
    rest = len(concerns) - MAX_CONCERNS
    return concerns if rest <= 0 else [*concerns[:MAX_CONCERNS], f"and {rest} more"]
