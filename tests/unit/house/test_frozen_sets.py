"""The frozen sets stay as they were committed: lines may only be deleted, with a reason."""

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

FROZEN = Path("evaluation/frozen")
SUMS = {name: digest for digest, name in map(str.split, (FROZEN / "SHA256SUMS").read_text().splitlines())}
DELETED = FROZEN / "deleted.jsonl"
LEAST = {"crisis": 60, "near_miss": 60, "intent": 120}
LANGUAGES = ("am", "ar", "en", "es", "fa", "fr", "pt", "ru", "so", "sw", "ti", "tr", "uk")


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def deleted(language: str) -> list[dict[str, Any]]:
    return [row for line in lines_of(DELETED) if (row := json.loads(line))["lang"] == language]


def place(line: str) -> tuple[int, str]:
    """Return the order in which lines stood when they were frozen: crisis, look-alikes, intents, by number."""
    row_id = json.loads(line)["id"]
    return "cni".index(row_id[3]), row_id


def test_every_language_is_frozen() -> None:
    assert sorted(SUMS) == [f"{language}.jsonl" for language in LANGUAGES]
    assert sorted(path.name for path in FROZEN.glob("??.jsonl")) == sorted(SUMS)


@pytest.mark.parametrize("name", sorted(SUMS))
def test_lines_are_those_that_were_frozen(name: str) -> None:
    taken_out = [json.dumps({k: v for k, v in row.items() if k != "reason"}, ensure_ascii=False) for row in deleted(name[:2])]
    lines = sorted([*lines_of(FROZEN / name), *taken_out], key=place)
    assert hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest() == SUMS[name]


@pytest.mark.parametrize("language", LANGUAGES)
def test_enough_is_left_of_each_kind(language: str) -> None:
    kinds = Counter(json.loads(line)["notes"].partition(":")[0] for line in lines_of(FROZEN / f"{language}.jsonl"))
    assert all(kinds[kind] >= least for kind, least in LEAST.items()), kinds


def test_every_deletion_has_a_reason() -> None:
    assert all(json.loads(line)["reason"].strip() for line in lines_of(DELETED))
