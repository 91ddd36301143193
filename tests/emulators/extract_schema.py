"""Regenerates ``bot_api_schema.json`` from aiogram's source distribution.

The wheel does not carry the scraped documentation, the source distribution does::

    pip download --no-deps --no-binary :all: aiogram==3.31.0
    python -m emulators.extract_schema aiogram-3.31.0.tar.gz

Of 2 MB only names, types, required flags, constants and return types are kept. Return types and the
members of a union stand in the prose of the documentation, so they are read out of it here, once.
"""

from __future__ import annotations

import json
import re
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TARGET = Path(__file__).with_name("bot_api_schema.json")
MEMBER = ".butcher/schema/schema.json"

_CONSTANT = re.compile(r"(?:always ['\"“]([a-z0-9_]+)['\"”]\.?|must be ([a-z0-9_]+)\.?)$")
_UNION_MEMBER = re.compile(r"^ - (\w+)$", re.MULTILINE)
_SENTENCE = re.compile(r"(?<=\.)\s+")
# Tried in this order; the documentation has no more than these phrasings.
_RETURNS = (
    (
        re.compile(r"edited Message is returned, otherwise True|the Message is returned, otherwise True"),
        "Message or Boolean",
    ),
    (re.compile(r"if the message is not an inline message, the edited Message"), "Message or Boolean"),
    (re.compile(r"[Rr]eturns an Array of (\w+)"), "Array of {}"),
    (re.compile(r"an [Aa]rray of (\w+) .*(?:is|were|are) (?:sent is )?returned"), "Array of {}"),
    (re.compile(r"Returns True|True is returned"), "Boolean"),
    (re.compile(r"as (?:a |an )?(String|\w+ object|File|MessageId)\b"), "{}"),
    (re.compile(r"in form of a (\w+) object"), "{}"),
    (re.compile(r"Returns the (MessageId|Bot\w+)"), "{}"),
    (re.compile(r"Returns the uploaded (File)"), "{}"),
    (re.compile(r"[Rr]eturns (?:a |an |the )?([A-Z]\w+)"), "{}"),
    (re.compile(r"(?:a|the sent|the stopped|the edited) ([A-Z]\w+)(?: object)? is returned"), "{}"),
)


def main(argv: list[str]) -> int:
    if len(argv) != 1:
        print("usage: python -m emulators.extract_schema aiogram-X.Y.Z.tar.gz|schema.json", file=sys.stderr)
        return 2
    schema = json.loads(_read(Path(argv[0])))
    TARGET.write_text(render(trim(schema)), encoding="utf-8")
    print(f"{TARGET.name}: {TARGET.stat().st_size} bytes")
    return 0


def trim(schema: dict[str, Any]) -> dict[str, Any]:
    """Keep what a validator needs: ``{"version", "methods": {...}, "types": {...}}``."""
    methods: dict[str, Any] = {}
    types: dict[str, Any] = {}
    for entry in _entries(schema):
        fields = {field["name"]: _field(field) for field in entry["annotations"]}
        if entry["category"] == "methods":
            methods[entry["name"]] = {"returns": _returned_type(entry), "fields": fields}
        elif not fields and (members := _UNION_MEMBER.findall(entry["description"])):
            types[entry["name"]] = {"any_of": members}
        else:
            types[entry["name"]] = {"fields": fields}
    return {"version": schema["api"]["version"], "methods": methods, "types": types}


def render(trimmed: dict[str, Any]) -> str:
    """One line per method and type, so that a newer version gives a readable diff."""
    parts = [f'{{\n"version": {json.dumps(trimmed["version"])}']
    for section in ("methods", "types"):
        lines = [
            f"{json.dumps(name)}: {json.dumps(body, ensure_ascii=False, separators=(',', ':'))}"
            for name, body in trimmed[section].items()
        ]
        parts.append(f'"{section}": {{\n' + ",\n".join(lines) + "\n}")
    return ",\n".join(parts) + "\n}\n"


def _entries(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for group in schema["items"]:
        yield from group["children"]


def _field(field: dict[str, Any]) -> list[Any]:
    """``[type]``, ``[type, 1]`` when required, ``[type, 1, constant]`` for discriminators."""
    trimmed: list[Any] = [field["type"]]
    if field["required"]:
        trimmed.append(1)
        constant = _CONSTANT.search(field["description"].strip())
        if constant and field["type"] == "String":
            trimmed.append(constant[1] or constant[2])
    return trimmed


def _returned_type(entry: dict[str, Any]) -> str:
    sentences = [text for text in _SENTENCE.split(entry["description"]) if "eturn" in text]
    for text in reversed(sentences):
        for pattern, template in _RETURNS:
            if found := pattern.search(text):
                return template.format(*(group.removesuffix(" object") for group in found.groups()))
    raise ValueError(f"no return type found for {entry['name']}: {entry['description']!r}")


def _read(path: Path) -> bytes:
    if path.suffix == ".json":
        return path.read_bytes()
    with tarfile.open(path) as archive:
        member = next(name for name in archive.getnames() if name.endswith(MEMBER))
        stored = archive.extractfile(member)
        if stored is None:
            raise FileNotFoundError(member)
        return stored.read()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
