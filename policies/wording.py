"""Lexicons, phrases and refusals: from reviewable word patterns to one compiled `Screener`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib.resources.abc import Traversable

from policies.documents import Document, Path, read
from policies.errors import PolicyError
from policies.facts import Trigger
from policies.patterns import Pattern, PatternError, PatternReader, compile_start, compile_whole
from policies.policy_set import Category
from policies.schema import DetailsFile, LexiconFile, LookAlikeModel, PhraseModel, PhrasesFile, RefusalsFile, WholeModel
from policies.triggers import Entry, LookAlike, Patterns, Phrases, Refusal, Screener


def load_screener(folder: Traversable, categories: Mapping[str, Category]) -> tuple[Screener, tuple[str, ...]]:
    """Return the compiled screener, and the languages whose lexicon nobody has signed off."""
    entries: list[Entry] = []
    idioms: list[Pattern] = []
    doubts: list[Pattern] = []
    unreviewed: list[str] = []
    names = sorted(item.name for item in folder.joinpath("lexicons").iterdir() if item.name.endswith(".yaml"))
    if not names:
        raise PolicyError("there is no lexicon", file="lexicons")
    seen: dict[str, str] = {}
    for name in names:
        document = read(folder, f"lexicons/{name}")
        lexicon = document.parse(LexiconFile)
        if f"{lexicon.language}.yaml" != name:
            raise document.error(f"the file is named {name!r}", ("language",))
        if lexicon.reviewed is None:
            unreviewed.append(lexicon.language)
        reader = _Reader(document, lexicon.language, lexicon.words)
        idioms.extend(reader.patterns(lexicon.idioms, ("idioms",)))
        for kind, signs in lexicon.doubts.items():
            doubts.extend(reader.patterns(signs, ("doubts", kind)))
        for entry in _entries(reader, lexicon, categories):
            if entry.trigger.rule_id in seen:
                raise document.error(
                    f"{entry.trigger.rule_id!r} is already an entry of {seen[entry.trigger.rule_id]}", ("entries",)
                )
            seen[entry.trigger.rule_id] = name
            entries.append(entry)
    screener = Screener(
        entries=tuple(entries),
        idioms=Patterns(idioms),
        doubts=Patterns(doubts),
        refusals=_refusals(read(folder, "refusals.yaml")),
        phrases=_phrases(read(folder, "phrases.yaml")),
        details=_details(read(folder, "details.yaml")),
        category_order=tuple(categories),
    )
    return screener, tuple(unreviewed)


class _Reader:
    """Compiles the patterns of one file in one language, and says where one cannot be read."""

    def __init__(self, document: Document, language: str, words: Mapping[str, str]) -> None:
        self.document, self.language = document, language
        self.reader = PatternReader(language, words)

    def patterns(self, sources: Iterable[str], path: Path) -> tuple[Pattern, ...]:
        return tuple(
            self._guard(lambda source=source: self.reader.compile(source), (*path, number))  # type: ignore[misc]
            for number, source in enumerate(sources)
        )

    def whole(self, model: WholeModel, path: Path) -> tuple[Pattern, ...]:
        return (self._guard(lambda: compile_whole(model.core, model.fillers, language=self.language), path),)

    def start(self, source: str, path: Path) -> tuple[Pattern, ...]:
        return (self._guard(lambda: compile_start(source, language=self.language), path),)

    def _guard(self, compile_one: Callable[[], Pattern], path: Path) -> Pattern:
        try:
            return compile_one()
        except PatternError as exc:
            raise self.document.error(str(exc), path) from exc


def _entries(reader: _Reader, lexicon: LexiconFile, categories: Mapping[str, Category]) -> Iterable[Entry]:
    document = reader.document
    look_alikes = {name: _look_alike(reader, model, name) for name, model in lexicon.look_alikes.items()}
    doubts = tuple(pattern for look_alike in look_alikes.values() for pattern in look_alike.patterns)

    def exception(name: str, path: Path) -> LookAlike:
        if name not in look_alikes:
            raise document.error(f"no look-alikes named {name!r}; there are {', '.join(look_alikes)}", path)
        return look_alikes[name]

    for number, model in enumerate(lexicon.entries):
        path: Path = ("entries", number)
        if model.category not in categories:
            raise document.error(f"unknown category {model.category!r}; there are {', '.join(categories)}", (*path, "category"))
        if not model.id.startswith(f"{lexicon.language}-"):
            raise document.error(f"ids of this lexicon begin with '{lexicon.language}-'", (*path, "id"))
        at_risk = categories[model.category].life_at_risk if model.life is None else model.life
        cancelling = [*lexicon.unless, *(name for name in model.unless if name not in lexicon.unless)]
        yield Entry(
            trigger=Trigger(
                category=model.category,
                severity=model.severity,
                rule_id=model.id,
                language=lexicon.language,
                life_at_risk=at_risk and model.severity >= 4,
                topic=model.topic,
            ),
            patterns=reader.patterns(model.any, (*path, "any")),
            loose=reader.patterns(model.loose, (*path, "loose")),
            unless=tuple(exception(name, (*path, "unless")) for name in cancelling),
            lower=tuple((exception(name, (*path, "lower")), level) for name, level in model.lower.items()),
            doubts=doubts,
        )


def _look_alike(reader: _Reader, model: list[str] | LookAlikeModel, name: str) -> LookAlike:
    path: Path = ("look_alikes", name)
    if isinstance(model, LookAlikeModel):
        return LookAlike(patterns=reader.patterns(model.any, (*path, "any")), void=reader.patterns(model.void, (*path, "void")))
    return LookAlike(patterns=reader.patterns(model, path))


def _phrases(document: Document) -> Phrases:
    """Put the phrases of all languages together by meaning."""
    file = document.parse(PhrasesFile)
    readers = {language: _Reader(document, language, {}) for language in file.languages}

    def gather(pick: Callable[[_Reader, PhraseModel, Path], tuple[Pattern, ...]]) -> Patterns:
        return Patterns(
            pattern
            for language, model in file.languages.items()
            for pattern in pick(readers[language], model, ("languages", language))
        )

    def begins(reader: _Reader, model: PhraseModel, path: Path) -> tuple[Pattern, ...]:
        return reader.start(model.affirm.core, (*path, "affirm"))

    return Phrases(
        affirm=gather(lambda reader, model, path: reader.whole(model.affirm, (*path, "affirm"))),
        begins_affirming=gather(begins),
        deny=gather(lambda reader, model, path: reader.whole(model.deny, (*path, "deny"))),
        asks_human=gather(lambda reader, model, path: reader.patterns(model.asks_human, (*path, "asks_human"))),
        asks_human_whole=gather(
            lambda reader, model, path: (
                reader.whole(model.asks_human_whole, (*path, "asks_human_whole")) if model.asks_human_whole else ()
            )
        ),
        follows_up=gather(lambda reader, model, path: reader.start(model.follows_up, (*path, "follows_up"))),
        is_fine=gather(lambda reader, model, path: reader.patterns(model.is_fine, (*path, "is_fine"))),
        is_fine_void=gather(lambda reader, model, path: reader.patterns(model.is_fine_void, (*path, "is_fine_void"))),
        seeks_specific=gather(lambda reader, model, path: reader.patterns(model.seeks_specific, (*path, "seeks_specific"))),
        seeks_general=gather(lambda reader, model, path: reader.patterns(model.seeks_general, (*path, "seeks_general"))),
    )


def _details(document: Document) -> Mapping[str, Mapping[str, Mapping[str, Patterns]]]:
    """Return the words by fact, value and language."""
    file = document.parse(DetailsFile)
    return {
        fact: {
            value: {
                language: Patterns(_Reader(document, language, {}).patterns([source], ("facts", fact, value, language)))
                for language, source in words.items()
            }
            for value, words in values.items()
        }
        for fact, values in file.facts.items()
    }


def _refusals(document: Document) -> tuple[Refusal, ...]:
    file = document.parse(RefusalsFile)
    found: list[Refusal] = []
    for number, model in enumerate(file.refusals):
        for language, words in model.languages.items():
            reader = _Reader(document, language, file.words.get(language, {}))
            path: Path = ("refusals", number, "languages", language)
            found.append(
                Refusal(
                    kind=model.kind,
                    patterns=Patterns(reader.patterns(words.any, (*path, "any"))),
                    unless=Patterns(reader.patterns(words.unless, (*path, "unless"))),
                )
            )
    return tuple(found)
