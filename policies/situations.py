"""Named situations with the decision they must lead to: the examples reviewers read, run by pytest and the command line.

An example states only what matters: a text to be screened, the facts that differ from an ordinary message, and what
must come of them. ``nearly`` names a rule that almost fires; the runner checks that it does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path as FilePath
from typing import Final

from policies.decisions import Decision
from policies.documents import Document, Path, read
from policies.engine import FALLBACK_RULE, decide, explain, ranked, screen
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
        file: Name of the file, for example ``safety.yaml``.
        line: Line on which the example begins.
        expected: What the example demands, by field of the decision; ``rule`` is the rule id.
        got: The same fields as they came out.
        because: What kept the expected rule from firing, in words.
        fired: Rules that matched, the deciding one first.
    """

    file: str
    line: int
    name: str
    expected: Mapping[str, object]
    got: Mapping[str, object]
    because: tuple[str, ...]
    fired: tuple[str, ...]
    nearly: str | None = None

    @property
    def passed(self) -> bool:
        """Whether everything expected came out."""
        return not self.because and dict(self.expected) == dict(self.got)


def run(policies: PolicySet, directory: FilePath | None = None) -> list[Result]:
    """Return the result of every example in ``directory``, by default those that ship with the package.

    Raises:
        PolicyError: an example names a field, a rule or a value that does not exist.
    """
    folder: Traversable = directory if directory is not None else resources.files("policies").joinpath("examples")
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".yaml"))
    return [result for name in names for result in _run_file(read(folder, name), policies)]


def unreached(policies: PolicySet, results: Iterable[Result]) -> tuple[list[str], list[str]]:
    """Return the rules that no example fires, and those that none nearly fires."""
    seen = list(results)
    fired = {result.got["rule"] for result in seen if "rule" in result.got}
    nearly = {result.nearly for result in seen}
    return (
        [rule for rule in policies.rule_ids if rule not in fired],
        [rule for rule in policies.rule_ids if rule not in nearly],
    )


def _run_file(document: Document, policies: PolicySet) -> Iterable[Result]:
    file = document.parse(ExamplesFile)
    for number, example in enumerate(file.examples):
        yield _run_one(document, example, ("examples", number), policies)


def _run_one(document: Document, example: ExampleModel, path: Path, policies: PolicySet) -> Result:
    facts = _facts(document, example, path, policies)
    decision = decide(facts, policies)
    for key in example.expect:
        if key not in EXPECTABLE:
            raise document.error(f"a decision has no {key!r}; it has {', '.join(sorted(EXPECTABLE))}", (*path, "expect", key))
    if "rule" not in example.expect or "outcome" not in example.expect:
        raise document.error("an example expects at least an outcome and a rule", (*path, "expect"))
    fired = tuple(candidate.rule_id for candidate in ranked(facts, policies) if candidate.rule_id != FALLBACK_RULE)
    expected_rule = str(example.expect["rule"])
    for rule in filter(None, (expected_rule, example.nearly)):
        if rule not in policies.rule_ids and rule != FALLBACK_RULE:
            raise document.error(f"there is no rule {rule!r}", path)
    got = {key: decision.rule_id if key == "rule" else getattr(decision, key) for key in example.expect}
    return Result(
        file=document.name,
        line=document.line(path),
        name=example.name,
        expected=example.expect,
        got=got,
        because=tuple(_because(decision, expected_rule, example.nearly, facts, policies)),
        fired=fired,
        nearly=example.nearly,
    )


def _because(
    decision: Decision, expected_rule: str, nearly: str | None, facts: TurnFacts, policies: PolicySet
) -> Iterable[str]:
    """Yield why the example fails, as far as rules can tell."""
    if decision.rule_id != expected_rule and expected_rule != FALLBACK_RULE:
        yield from explain(expected_rule, facts, policies) or [f"{decision.rule_id} goes before {expected_rule}"]
    if nearly is not None and decision.rule_id == nearly:
        yield f"{nearly} must only nearly fire"


def _facts(document: Document, example: ExampleModel, path: Path, policies: PolicySet) -> TurnFacts:
    """Return ordinary facts with those of the example; words from ``text``, or given under ``screening``."""
    given = dict(example.facts)
    stated = given.pop("screening", {})
    unknown = [key for key in given if key not in FACTS]
    if unknown:
        raise document.error(f"no such fact {unknown[0]!r}; there are {', '.join(sorted(FACTS))}", (*path, "facts", unknown[0]))
    said = Screening() if example.text is None else screen(example.text, policies)
    said = _stated(document, stated, said, (*path, "facts", "screening"))
    for key in SETS:
        if key in given:
            given[key] = frozenset(_words(document, given[key], (*path, "facts", key)))
    return TurnFacts(screening=said, **given)  # type: ignore[arg-type]


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
