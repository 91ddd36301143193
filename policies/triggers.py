"""Reading the words alone: is somebody in danger, asking for what we never give, or for a person?

`screen` needs no model, no network and no idea of the language: every lexicon is applied to every message, so it
works when everything else is down and for messages that mix languages. It runs in four steps:

1. normalise (`policies.normalise`);
2. mask figures of speech ("this waiting is killing me"), so that no entry can see them;
3. look for the entries of the lexicons; an exception listed under ``unless`` in the same sentence cancels a
   match, one listed under ``lower`` lowers its severity (abuse that ended years ago still deserves an offer);
4. look for the phrases and refusals.

Most patterns are dismissed by a look-up of three-letter fragments and never run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Final

from policies.facts import Screening, Trigger
from policies.normalise import normalise
from policies.patterns import Pattern

SHORT_WORDS: Final = 6
SHORT_AFFIRMATION: Final = 12
MASK: Final = "_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One reviewed lexicon entry.

    Attributes:
        trigger: What a match of this entry reports.
        patterns: Any of them matches.
        unless: Exceptions that cancel a match standing in the same sentence.
        lower: Exceptions that lower the severity to the given one instead.
    """

    trigger: Trigger
    patterns: tuple[Pattern, ...]
    unless: tuple[Pattern, ...] = ()
    lower: tuple[tuple[Pattern, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A kind of request that is never served, in one language."""

    kind: str
    patterns: tuple[Pattern, ...]
    unless: tuple[Pattern, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrases:
    """Short phrases by meaning, all languages together."""

    affirm: tuple[Pattern, ...] = ()
    begins_affirming: tuple[Pattern, ...] = ()
    deny: tuple[Pattern, ...] = ()
    asks_human: tuple[Pattern, ...] = ()
    asks_human_whole: tuple[Pattern, ...] = ()
    is_fine: tuple[Pattern, ...] = ()
    seeks_specific: tuple[Pattern, ...] = ()


@dataclass(frozen=True, slots=True)
class Index:
    """Patterns by a three-letter fragment each demands; those without one are always tried."""

    by_fragment: Mapping[str, tuple[int, ...]]
    always: tuple[int, ...]

    def candidates(self, text: str) -> Iterable[int]:
        """Return the numbers of the patterns that ``text`` might match, in order, each once."""
        found = set(self.always)
        by_fragment = self.by_fragment
        for width in (2, 3):
            for fragment in {text[at : at + width] for at in range(len(text) - width + 1)}:
                if fragment in by_fragment:
                    found.update(by_fragment[fragment])
        return sorted(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Screener:
    """All lexicons, compiled once at load."""

    entries: tuple[Entry, ...]
    idioms: tuple[Pattern, ...]
    refusals: tuple[Refusal, ...]
    phrases: Phrases
    category_order: tuple[str, ...]
    entry_index: Index = field(init=False)
    idiom_index: Index = field(init=False)

    def __post_init__(self) -> None:
        """Index the patterns; frozen, hence ``object.__setattr__``."""
        object.__setattr__(self, "entry_index", build_index([entry.patterns for entry in self.entries]))
        object.__setattr__(self, "idiom_index", build_index([(idiom,) for idiom in self.idioms]))

    def screen(self, text: str) -> Screening:
        """Return what ``text`` says; never raises, whatever the text."""
        words = normalise(text)
        masked, has_idiom = self._mask(words)
        triggers, was_excused = self._triggers(masked)
        phrases = self.phrases
        begins_yes = _any(phrases.begins_affirming, words) and words.count(" ") <= SHORT_AFFIRMATION
        return Screening(
            triggers=triggers,
            refusals=self._refusals(words),
            asks_human=_any(phrases.asks_human, words) or _any(phrases.asks_human_whole, words),
            affirms=_any(phrases.affirm, words) or (begins_yes and bool(triggers)),
            denies=_any(phrases.deny, words),
            is_fine=not triggers and _any(phrases.is_fine, words),
            has_words=any(sign.isalnum() for sign in text),
            seeks_specific=words.count(" ") - 1 - words.count(" . ") < SHORT_WORDS or _any(phrases.seeks_specific, words),
            calm=not triggers and (has_idiom or was_excused),
        )

    def warm_up(self) -> None:
        """Compile every expression now; a service calls this once, beside its start."""
        for pattern in self.all_patterns():
            pattern.warm_up()

    def all_patterns(self) -> Iterable[Pattern]:
        """Yield every pattern of every lexicon, phrase list and refusal."""
        yield from self.idioms
        for entry in self.entries:
            yield from (*entry.patterns, *entry.unless, *(pattern for pattern, _ in entry.lower))
        for refusal in self.refusals:
            yield from (*refusal.patterns, *refusal.unless)
        for listed in fields(self.phrases):
            yield from getattr(self.phrases, listed.name)

    def _mask(self, words: str) -> tuple[str, bool]:
        """Blank out figures of speech; also return whether there was one."""
        spans = [span for number in self.idiom_index.candidates(words) for span in self.idioms[number].spans(words)]
        masked = words
        for start, end in sorted(spans, reverse=True):
            masked = f"{masked[:start]}{MASK} {masked[end:]}"
        return masked, bool(spans)

    def _triggers(self, words: str) -> tuple[tuple[Trigger, ...], bool]:
        """Return the triggers, gravest first, and whether an exception cancelled a match."""
        found: list[Trigger] = []
        was_excused = False
        for number in self.entry_index.candidates(words):
            entry = self.entries[number]
            spans = {span for pattern in entry.patterns for span in pattern.spans(words)}
            severity = max((self._severity(entry, span, words) for span in spans), default=-1)
            was_excused |= severity == 0
            if severity > 0:
                found.append(entry.trigger if severity == entry.trigger.severity else _lowered(entry.trigger, severity))
        order = self.category_order.index
        return tuple(sorted(found, key=lambda hit: (-hit.severity, order(hit.category), hit.rule_id))), was_excused

    def _severity(self, entry: Entry, span: tuple[int, int], words: str) -> int:
        """Return the severity of one match after its exceptions; 0 when cancelled."""
        sentence = _sentence(words, span)
        if _any(entry.unless, sentence):
            return 0
        return min((level for pattern, level in entry.lower if pattern.matches(sentence)), default=entry.trigger.severity)

    def _refusals(self, words: str) -> tuple[str, ...]:
        kinds = dict.fromkeys(
            refusal.kind for refusal in self.refusals if _any(refusal.patterns, words) and not _any(refusal.unless, words)
        )
        return tuple(kinds)


def build_index(groups: list[tuple[Pattern, ...]]) -> Index:
    """Index groups of patterns by a fragment of each pattern's most telling demand."""
    by_fragment: dict[str, set[int]] = {}
    always: set[int] = set()
    for number, patterns in enumerate(groups):
        for pattern in patterns:
            fragments = {_key(fragment) for fragment in pattern.needs[0]} if pattern.needs else {""}
            if "" in fragments:
                always.add(number)
            else:
                for fragment in fragments:
                    by_fragment.setdefault(fragment, set()).add(number)
    return Index({key: tuple(sorted(numbers)) for key, numbers in by_fragment.items()}, tuple(sorted(always)))


def _key(fragment: str) -> str:
    """Return the three (two) letters under which to file ``fragment``: its rarer end, by habit the last ones."""
    bare = fragment.strip()
    if len(bare) >= 3:
        return bare[:3]
    return fragment[:3] if len(fragment) >= 3 else fragment if len(fragment) == 2 else ""


def _any(patterns: Iterable[Pattern], words: str) -> bool:
    return any(pattern.matches(words) for pattern in patterns)


def _sentence(words: str, span: tuple[int, int]) -> str:
    """Return the sentence or sentences in which ``span`` lies, with a space at both ends."""
    start = words.rfind(" . ", 0, span[0] + 1)
    end = words.find(" . ", max(span[0], span[1] - 1))
    return words[0 if start < 0 else start + 2 : len(words) if end < 0 else end + 1]


def _lowered(trigger: Trigger, severity: int) -> Trigger:
    return Trigger(
        category=trigger.category,
        severity=severity,
        rule_id=trigger.rule_id,
        language=trigger.language,
        life_at_risk=False,
        topic=trigger.topic,
    )


