"""Named situations with the decision they must lead to: the examples reviewers read, run by pytest and the command line.

An example states only what matters: a text to be screened, the facts that differ from an ordinary message, and what
must come of them. ``best_score`` may name a band (``good``) instead of a number, so that examples outlive a new
measurement. ``nearly`` names a rule that almost fires; the runner checks that it does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path as FilePath
from typing import Final

from policies.conditions import BANDS
from policies.decisions import Decision
from policies.documents import Document, Path, read
from policies.engine import FALLBACK_RULE, decide, explain, screen
from policies.facts import Screening, Trigger, TurnFacts
from policies.policy_set import PolicySet
from policies.schema import ExampleModel, ExamplesFile

EXPECTABLE: Final = frozenset(listed.name for listed in fields(Decision)) | {"rule"}
FACTS: Final = frozenset(listed.name for listed in fields(TurnFacts))
SCREENING: Final = frozenset(listed.name for listed in fields(Screening))
SETS: Final = ("depends_on", "known")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One example, run.

    Attributes:
        file: Name of the file, for example ``decision.yaml``.
        line: Line on which the example begins.
        expected: What the example demands, in words.
        got: The same of the decision that came out, in words.
        because: What kept the expected rule from deciding, in words; empty when it passed.
        passed: Whether everything demanded came out.
        rule: Rule that decided.
        nearly: Rule that must only nearly fire, or None.
    """

    file: str
    line: int
    name: str
    expected: str
    got: str
    because: str
    passed: bool
    rule: str
    nearly: str | None = None

    @property
    def place(self) -> str:
        """Return where the example stands, for messages."""
        return f"policies/examples/{self.file}:{self.line}"


def run_all(policies: PolicySet, directory: FilePath | None = None) -> list[Result]:
    """Return the result of every example in ``directory``, by default those that ship with the package.

    Raises:
        PolicyError: an example names a field, a rule or a value that does not exist.
    """
    folder: Traversable = directory if directory is not None else resources.files("policies").joinpath("examples")
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".yaml"))
    return [result for name in names for result in _run_file(read(folder, name), policies)]


def unreached(policies: PolicySet, results: Iterable[Result]) -> tuple[list[str], list[str]]:
    """Return the rules that no example fires, and those that no example nearly fires."""
    seen = [result for result in results if result.passed]
    fired, nearly = {result.rule for result in seen}, {result.nearly for result in seen}
    return (
        [rule for rule in policies.rule_ids if rule not in fired],
        [rule for rule in policies.rule_ids if rule not in nearly],
    )


def _run_file(document: Document, policies: PolicySet) -> Iterable[Result]:
    file = document.parse(ExamplesFile)
    for number, example in enumerate(file.examples):
        yield _run_one(document, example, ("examples", number), policies)


def _run_one(document: Document, example: ExampleModel, path: Path, policies: PolicySet) -> Result:
    _check(document, example, path, policies)
    facts = _facts(document, example, path, policies)
    decision = decide(facts, policies)
    got = {key: decision.rule_id if key == "rule" else getattr(decision, key) for key in example.expect}
    because = _because(decision, example, facts, policies) if got != example.expect or decision.rule_id == example.nearly else ""
    return Result(
        file=document.name,
        line=document.line(path),
        name=example.name,
        expected=_shown(example.expect),
        got=_shown(got),
        because=because,
        passed=not because,
        rule=decision.rule_id,
        nearly=example.nearly,
    )


def _check(document: Document, example: ExampleModel, path: Path, policies: PolicySet) -> None:
    """Refuse an example that expects what no decision has, or names a rule that does not exist."""
    for key in example.expect:
        if key not in EXPECTABLE:
            raise document.error(f"a decision has no {key!r}; it has {', '.join(sorted(EXPECTABLE))}", (*path, "expect", key))
    if not {"rule", "outcome"} <= set(example.expect):
        raise document.error("an example expects at least an outcome and a rule", (*path, "expect"))
    for rule in (example.expect["rule"], example.nearly):
        if rule is not None and rule not in (*policies.rule_ids, FALLBACK_RULE):
            raise document.error(f"there is no rule {rule!r}", path)


def _because(decision: Decision, example: ExampleModel, facts: TurnFacts, policies: PolicySet) -> str:
    """Return why the example fails, as far as rules can tell."""
    expected = str(example.expect["rule"])
    if decision.rule_id == example.nearly:
        return f"{example.nearly} must only nearly fire"
    if expected in (decision.rule_id, FALLBACK_RULE):
        return "the rule fired, but with another verdict"
    return "; ".join(explain(expected, facts, policies)) or f"{decision.rule_id} goes before {expected}"


def _shown(values: Mapping[str, object]) -> str:
    rest = ", ".join(f"{key} {value}" for key, value in values.items() if key not in ("outcome", "rule"))
    return f"{values['outcome']}  rule {values['rule']}" + (f"  ({rest})" if rest else "")


def _facts(document: Document, example: ExampleModel, path: Path, policies: PolicySet) -> TurnFacts:
    """Return ordinary facts with those of the example; words from ``text``, or given under ``screening``."""
    given = dict(example.facts)
    stated = given.pop("screening", {})
    unknown = [key for key in given if key not in FACTS]
    if unknown:
        raise document.error(f"no such fact {unknown[0]!r}; there are {', '.join(sorted(FACTS))}", (*path, "facts", unknown[0]))
    said = Screening() if example.text is None else screen(example.text, policies)
    said = _stated(document, stated, said, (*path, "facts", "screening"))
    if given.get("best_score") in BANDS:
        given["best_score"] = _score(str(given["best_score"]), given, policies)
    for key in SETS:
        if key in given:
            given[key] = frozenset(_words(document, given[key], (*path, "facts", key)))
    return TurnFacts(screening=said, **given)  # type: ignore[arg-type]


def _score(band: str, given: Mapping[str, object], policies: PolicySet) -> float | None:
    """Return a confidence inside ``band``, so that examples outlive a new measurement of the thresholds."""
    pair, language = str(given.get("score_pair", "entry")), str(given.get("language", "en"))
    floor = {"strong": "strong", "good": "answer", "near": "weak"}
    if band == "none":
        return None
    if band == "far":
        return policies.score_bands["weak"].value(pair, language) / 2
    return policies.score_bands[floor[band]].value(pair, language)


def _stated(document: Document, stated: object, said: Screening, path: Path) -> Screening:
    if not isinstance(stated, dict):
        raise document.error("expected the fields of a screening", path)
    unknown = [key for key in stated if key not in SCREENING]
    if unknown:
        raise document.error(f"no such field {unknown[0]!r}; there are {', '.join(sorted(SCREENING))}", (*path, unknown[0]))
    changes = dict(stated)
    if "refusals" in changes:
        changes["refusals"] = tuple(_words(document, changes["refusals"], (*path, "refusals")))
    if "triggers" in changes:
        changes["triggers"] = tuple(
            Trigger(**{"rule_id": "example", "language": "en", **trigger}) for trigger in changes["triggers"]
        )
    return replace(said, **changes)


def _words(document: Document, value: object, path: Path) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise document.error("expected a list of words", path)
    return value
