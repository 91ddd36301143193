"""Reading the words alone: is somebody in danger, asking for what we never give, or for a person?

`Screener.screen` needs no model, no network and no idea of the language: every lexicon is applied to every
message, so it works when everything else is down and for messages that mix languages. It runs in four steps:

1. normalise (`policies.normalise`);
2. mask figures of speech ("this waiting is killing me"), so that no entry can see them;
3. look for the entries of the lexicons; an exception listed under ``unless`` in the same sentence cancels a
   match, one listed under ``lower`` lowers its severity (abuse that ended years ago still deserves an offer); words of
   any other look-alike of the lexicon beside it there, or a general sign (``doubts``) of any lexicon, put it in doubt;
   a match of ``loose`` words is in doubt from the start;
4. look for the phrases and refusals.

Most patterns are dismissed by a look-up of short fragments (`Patterns`) and never run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Final

from policies.facts import Screening, Trigger
from policies.normalise import MARKS, normalise
from policies.patterns import Pattern, Span

SHORT_WORDS: Final = 6
SHORT_AFFIRMATION: Final = 12
FOLLOW_UP_WORDS: Final = 8
MASK: Final = "_"
FRAGMENT_WIDTHS: Final = (2, 3)


class Reading:
    """A normalised text with its fragments, looked up once."""

    __slots__ = ("fragments", "words")

    def __init__(self, words: str) -> None:
        """Collect the fragments of two and three letters."""
        self.words = words
        self.fragments = {words[at : at + width] for width in FRAGMENT_WIDTHS for at in range(max(0, len(words) - width + 1))}

    @property
    def length(self) -> int:
        """Number of words, ends of sentences not counted."""
        return self.words.count(" ") - 1 - self.words.count(" . ")


class Patterns:
    """Several patterns with an index by one short fragment each of them demands."""

    __slots__ = ("_always", "_by_fragment", "_patterns")

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        """Index ``patterns``; those that demand nothing are always tried."""
        self._patterns = tuple(patterns)
        self._by_fragment: dict[str, list[int]] = {}
        self._always: list[int] = []
        for number, pattern in enumerate(self._patterns):
            keys = {_key(fragment) for fragment in pattern.needs[0]} if pattern.needs else {""}
            if "" in keys:
                self._always.append(number)
            else:
                for key in keys:
                    self._by_fragment.setdefault(key, []).append(number)

    def __iter__(self) -> Iterator[Pattern]:
        """Yield the patterns as given."""
        return iter(self._patterns)

    def candidates(self, reading: Reading) -> list[int]:
        """Return the numbers of the patterns that might match, in order."""
        found = set(self._always)
        for fragment in self._by_fragment.keys() & reading.fragments:
            found.update(self._by_fragment[fragment])
        return sorted(found)

    def spans(self, reading: Reading) -> Iterator[tuple[int, Span]]:
        """Yield the number of each pattern that matches, with the span."""
        for number in self.candidates(reading):
            for span in self._patterns[number].spans(reading.words):
                yield number, span

    def match(self, reading: Reading) -> bool:
        """Return whether any of them occurs."""
        return next(self.spans(reading), None) is not None


def _key(fragment: str) -> str:
    """Return the letters under which to file ``fragment``: its first three, or two; "" when it is too short."""
    bare = fragment.strip()
    if len(bare) >= FRAGMENT_WIDTHS[1]:
        return bare[: FRAGMENT_WIDTHS[1]]
    return fragment[: FRAGMENT_WIDTHS[1]] if len(fragment) >= FRAGMENT_WIDTHS[0] else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAlike:
    """Words that make a match harmless, unless words of ``void`` stand in the same sentence ("… and still does")."""

    patterns: tuple[Pattern, ...]
    void: tuple[Pattern, ...] = ()

    def holds(self, sentence: str) -> bool:
        """Return whether ``sentence`` holds such words, and none that bring it back."""
        return _any(self.patterns, sentence) and not _any(self.void, sentence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One reviewed lexicon entry.

    Attributes:
        trigger: What a match of this entry reports.
        patterns: Any of them matches.
        loose: Any of them matches too, in words that an ordinary message may hold: such a match is in doubt from the start.
        unless: Exceptions that cancel a match standing in the same sentence.
        lower: Exceptions that lower the severity to the given one instead.
        doubts: Words of all look-alikes of the lexicon, whatever brings a match back: they put it in doubt.
    """

    trigger: Trigger
    patterns: tuple[Pattern, ...]
    loose: tuple[Pattern, ...] = ()
    unless: tuple[LookAlike, ...] = ()
    lower: tuple[tuple[LookAlike, int], ...] = ()
    doubts: tuple[Pattern, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A kind of request that is never served, in one language."""

    kind: str
    patterns: Patterns
    unless: Patterns


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrases:
    """Short phrases by meaning, all languages together."""

    affirm: Patterns
    begins_affirming: Patterns
    deny: Patterns
    asks_human: Patterns
    asks_human_whole: Patterns
    is_fine: Patterns
    is_fine_void: Patterns
    """Words beside which it says nothing: denied ("no estoy bien"), or with a "but"."""
    follows_up: Patterns
    seeks_specific: Patterns
    seeks_general: Patterns


@dataclass(frozen=True, slots=True, kw_only=True)
class Screener:
    """All lexicons, read once at load."""

    entries: tuple[Entry, ...]
    idioms: Patterns
    doubts: Patterns
    refusals: tuple[Refusal, ...]
    phrases: Phrases
    details: Mapping[str, Mapping[str, Mapping[str, Patterns]]]
    category_order: tuple[str, ...]
    _entry_patterns: Patterns = field(init=False)
    _owners: tuple[tuple[int, bool], ...] = field(init=False)

    def __post_init__(self) -> None:
        """Index the patterns of all entries together, each with its entry; frozen, hence ``object.__setattr__``."""
        owned = [
            (pattern, (number, is_loose))
            for number, entry in enumerate(self.entries)
            for is_loose, patterns in ((False, entry.patterns), (True, entry.loose))
            for pattern in patterns
        ]
        object.__setattr__(self, "_entry_patterns", Patterns(pattern for pattern, _ in owned))
        object.__setattr__(self, "_owners", tuple(owner for _, owner in owned))

    def screen(self, text: str) -> Screening:
        """Return what ``text`` says; never raises, whatever the text."""
        plain = Reading(normalise(text))
        masked = self._mask(plain)
        triggers, was_excused = self._triggers(masked)
        phrases = self.phrases
        begins_yes = phrases.begins_affirming.match(plain) and plain.length <= SHORT_AFFIRMATION
        return Screening(
            triggers=triggers,
            refusals=self._refusals(plain),
            asks_human=phrases.asks_human.match(plain) or phrases.asks_human_whole.match(plain),
            affirms=phrases.affirm.match(plain) or (begins_yes and bool(triggers)),
            denies=phrases.deny.match(plain),
            is_fine=not triggers and phrases.is_fine.match(plain) and not phrases.is_fine_void.match(plain),
            has_words=any(sign.isalnum() and ord(sign) not in MARKS for sign in text),
            follows_up=plain.length <= FOLLOW_UP_WORDS and phrases.follows_up.match(plain),
            seeks_specific=self._seeks_specific(plain),
            calm=not triggers and (was_excused or masked is not plain),
            calm_sign=not triggers and self.doubts.match(plain),
        )

    def warm_up(self, is_over: Callable[[], bool] = lambda: False) -> None:
        """Compile every expression now, as long as not ``is_over``; a service calls this once, beside its start."""
        for pattern in self.all_patterns():
            if is_over():
                return
            pattern.warm_up()

    def all_patterns(self) -> Iterator[Pattern]:
        """Yield every pattern of every lexicon, phrase list and refusal."""
        yield from self.idioms
        yield from self.doubts
        for entry in self.entries:
            yield from (*entry.patterns, *entry.loose)
            for exception in (*entry.unless, *(exception for exception, _ in entry.lower)):
                yield from (*exception.patterns, *exception.void)
        for refusal in self.refusals:
            yield from (*refusal.patterns, *refusal.unless)
        for listed in fields(self.phrases):
            yield from getattr(self.phrases, listed.name)
        for values in self.details.values():
            for languages in values.values():
                for patterns in languages.values():
                    yield from patterns

    def _mask(self, plain: Reading) -> Reading:
        """Blank out figures of speech; the same reading when there is none."""
        spans = sorted(span for _, span in self.idioms.spans(plain))
        if not spans:
            return plain
        kept, at = [], 0
        for start, end in spans:
            kept.append(plain.words[at:start] if start >= at else "")
            kept.append(f"{MASK} " if start >= at else "")
            at = max(at, end)
        return Reading("".join(kept) + plain.words[at:])

    def _triggers(self, masked: Reading) -> tuple[tuple[Trigger, ...], bool]:
        """Return the triggers, gravest first, and whether an exception cancelled a match."""
        found: dict[int, Trigger] = {}
        was_excused = False
        matches = list(self._entry_patterns.spans(masked))
        signs = [sign for _, sign in self.doubts.spans(masked)] if matches else []
        for number, span in matches:
            owner, is_loose = self._owners[number]
            hit = _trigger(self.entries[owner], masked.words, span, signs, is_loose=is_loose)
            if hit is None:
                was_excused = True
            elif owner not in found or _weight(hit) > _weight(found[owner]):
                found[owner] = hit
        order = self.category_order.index
        hits = sorted(found.values(), key=lambda hit: (-hit.severity, order(hit.category), hit.rule_id))
        return tuple(hits), was_excused

    def _seeks_specific(self, plain: Reading) -> bool:
        """Return whether the person asks about their own situation, or in too few words to tell."""
        if self.phrases.seeks_general.match(plain):
            return False
        return plain.length < SHORT_WORDS or self.phrases.seeks_specific.match(plain)

    def told(self, text: str, language: str) -> dict[str, str]:
        """Return what ``text`` tells about a situation: fact → the first value whose words in ``language`` it holds.

        Only in its own language: a French "son" is "his", no child.
        """
        plain = Reading(normalise(text))
        found = {
            fact: next((value for value, words in values.items() if language in words and words[language].match(plain)), None)
            for fact, values in self.details.items()
        }
        return {fact: value for fact, value in found.items() if value is not None}

    def _refusals(self, plain: Reading) -> tuple[str, ...]:
        matching = (
            refusal.kind for refusal in self.refusals if refusal.patterns.match(plain) and not refusal.unless.match(plain)
        )
        return tuple(dict.fromkeys(matching))


def _trigger(entry: Entry, words: str, span: Span, signs: Sequence[Span], *, is_loose: bool) -> Trigger | None:
    """Return what one match says after its exceptions; None when cancelled.

    Where its severity is lowered it no longer falls under the rule for risk to life. ``signs`` are where general signs stand
    that it may be no danger; no word of the match itself puts it in doubt.
    """
    start, end = _sentence(words, span)
    sentence = words[start:end]
    if any(exception.holds(sentence) for exception in entry.unless):
        return None
    own = entry.trigger
    level = min((level for exception, level in entry.lower if exception.holds(sentence)), default=own.severity)
    at_risk = own.life_at_risk and level == own.severity
    beside = f"{words[start : span[0]]} {MASK} {words[span[1] : end]}"
    signed = any(start <= sign[0] and sign[1] <= end and (sign[1] <= span[0] or span[1] <= sign[0]) for sign in signs)
    doubted = is_loose or signed or _any(entry.doubts, beside)
    return replace(own, severity=level, life_at_risk=at_risk, doubted=doubted)


def _weight(hit: Trigger) -> tuple[int, bool]:
    """Return by what one of several matches of an entry speaks for it."""
    return hit.severity, not hit.doubted


def _any(patterns: Iterable[Pattern], words: str) -> bool:
    return any(pattern.matches(words) for pattern in patterns)


def _sentence(words: str, span: Span) -> Span:
    """Return where the sentence or sentences lie in which ``span`` lies, with a space at both ends."""
    start = words.rfind(" . ", 0, span[0] + 1)
    end = words.find(" . ", max(span[0], span[1] - 1))
    return 0 if start < 0 else start + 2, len(words) if end < 0 else end + 1
