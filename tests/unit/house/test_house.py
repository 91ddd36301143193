"""The house is in order: generated files are current, papers tell of what exists, texts and code know each other."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path

import click
import pytest
import yaml

from bot import settings
from bot.cli.group import cli

ROOT = Path(__file__).resolve().parents[3]
PAPERS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md"), *ROOT.glob("knowledge/library/*.md")])
TARGETS = {
    "setup",
    "run",
    "chat",
    "check",
    "format-check",
    "lint",
    "types",
    "imports",
    "policies",
    "test",
    "test-contract",
    "test-integration",
    "fix",
    "coverage",
    "benchmark",
    "knowledge",
    "nlu-train",
    "nlu-test",
    "evaluate",
    "messages",
    "wheel",
    "image",
    "docs",
    "migration",
    "lock",
}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_generated_files_are_current() -> None:
    command = [sys.executable, str(ROOT / "docs" / "make_docs.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_setting_stands_in_the_example() -> None:
    shown = set(re.findall(r"^#(WAYPOST_\w+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), flags=re.MULTILINE))

    assert shown == {name for name, _, _ in settings.describe()}


@pytest.mark.parametrize("path", [ROOT / "Dockerfile", ROOT / "compose.yaml", *PAPERS], ids=_name)
def test_only_settings_that_exist_are_named(path: Path) -> None:
    named = set(re.findall(r"WAYPOST_(?!NLU_|TEST_)[A-Z_]*[A-Z]", path.read_text(encoding="utf-8")))

    assert named <= {name for name, _, _ in settings.describe()} | {"WAYPOST_ENV_FILE"}


@pytest.mark.parametrize("name", ["bot", "knowledge", "policies"])
def test_no_dependency_ships_a_package_of_our_name(name: str) -> None:
    file = import_module(name).__file__

    assert set(packages_distributions().get(name, [])) <= {"waypost"}
    assert file is not None
    assert Path(file).resolve().parent == ROOT / name


@pytest.mark.parametrize("path", PAPERS, ids=_name)
def test_every_link_inside_the_repository_leads_somewhere(path: Path) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", _without_code(path.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)

    assert broken == []


@pytest.mark.parametrize("path", PAPERS, ids=_name)
def test_every_command_shown_exists(path: Path) -> None:
    wrong = [shown for shown in _commands_shown(path.read_text(encoding="utf-8")) if not _exists(shown.split()[1:])]

    assert wrong == []


@pytest.mark.parametrize("path", PAPERS, ids=_name)
def test_every_make_target_shown_exists(path: Path) -> None:
    shown = {words.split()[1] for words in _code(path.read_text(encoding="utf-8")) if re.match(r"make [a-z]", words)}

    assert shown <= _make_targets()


def test_the_makefile_has_every_target_others_rely_on() -> None:
    assert _make_targets() >= TARGETS


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_file_is_hashed_and_names_no_index(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    pinned = re.findall(r"^[\w.-]+==\S+", text, flags=re.MULTILINE)

    assert pinned
    assert text.count("--hash=sha256:") >= len(pinned)
    assert not re.search(r"://|--(extra-)?index-url|--find-links", text)
    assert not re.search(r"^(torch|nvidia-|triton)", text, flags=re.MULTILINE)


def test_every_text_a_person_may_see_is_used() -> None:
    assert _unused("en") == []


def test_every_staff_text_is_used() -> None:
    assert _unused("staff.en") == []


def test_every_text_the_code_asks_for_exists() -> None:
    missing = []
    for path in (ROOT / "bot").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(attr="staff_text"), args=[ast.Constant(value=str(key)), *_]):
                    missing += [key] if key not in _keys("staff.en") else []
                case ast.Call(
                    func=ast.Attribute(attr="text", value=ast.Attribute(attr="catalogue")),
                    args=[ast.Constant(value=str(key)), *_],
                ):
                    missing += [key] if key not in _keys("en") else []

    assert missing == []


def _without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))


def _code(text: str) -> Iterator[str]:
    """Yield each code span, and each line of each code block without its prompt and comment."""
    for block in re.findall(r"^```(?:console|sh)?\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            yield from (part.strip().removeprefix("$ ") for part in re.split(r"\s#|&&|;", line))
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))


def _commands_shown(text: str) -> Iterator[str]:
    """Yield each ``waypost …`` in code, from the word ``waypost`` on."""
    for words in _code(text):
        if found := re.match(r"(?:docker compose (?:run|exec)(?: --rm)? bot |\.venv/bin/)?(waypost( .+|$))", words):
            yield found[1]


def _exists(words: list[str]) -> bool:
    """Walk the command tree along ``words``: commands must exist down to the last group, and every option be one of theirs."""
    command: click.Command = cli
    options = {"--help", "-h", *_options(cli)}
    for word in words:
        if word.startswith("-"):
            if word.partition("=")[0] not in options:
                return False
        elif isinstance(command, click.Group) and re.match(r"[a-z]", word):
            if word not in command.commands:
                return False
            command = command.commands[word]
            options |= _options(command)
    return True


def _options(command: click.Command) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts}


@cache
def _make_targets() -> frozenset[str]:
    return frozenset(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))


@cache
def _anchors(path: Path) -> frozenset[str]:
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)


@cache
def _keys(name: str) -> frozenset[str]:
    texts = yaml.safe_load((ROOT / "bot" / "locales" / f"{name}.yaml").read_text(encoding="utf-8"))
    return frozenset(key for key in texts if not key.startswith("_"))


def _unused(name: str) -> list[str]:
    """Return the keys that stand neither in code nor in a rule, and begin like no key that code puts together."""
    words, beginnings = _spoken()
    return sorted(key for key in _keys(name) if key not in words and not key.startswith(beginnings))


@cache
def _spoken() -> tuple[frozenset[str], tuple[str, ...]]:
    """Return every string of bot and policies, and every beginning of one that is put together, as ``f"button_{action}"``."""
    words: set[str] = set()
    beginnings: set[str] = set()
    for path in [*(ROOT / "bot").rglob("*.py"), *(ROOT / "policies").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.JoinedStr(values=[ast.Constant(value=str(start)), *_]) if re.fullmatch(r"[a-z]+_", start):
                    beginnings.add(start)
                case ast.Constant(value=str(word)):
                    words.add(word)
    for path in (ROOT / "policies" / "data").glob("*.yaml"):
        words |= set(re.findall(r"\brefused_\w+", path.read_text(encoding="utf-8")))
    return frozenset(words), tuple(beginnings)
