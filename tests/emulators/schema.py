"""Checks requests, responses and updates against the trimmed Bot API documentation.

A type is the documentation's own phrase ("Array of Integer", "InputFile or String"), parsed once into a
closure. A request is *decoded* while it is checked, because a form field is always text: ``chat_id=7``
becomes the integer, ``reply_markup={...}`` becomes the object. Violations are returned as readable lines
such as ``sendMessage.reply_markup.inline_keyboard[0][0]: unknown field 'colour'``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

TypeCheck = Callable[[Any, str, list[str]], None]

SCHEMA_FILE = Path(__file__).with_name("bot_api_schema.json")
_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_BASIC = {"Integer", "String", "Boolean", "True", "Float", "InputFile"}
_SEPARATORS = re.compile(r" or |, | and ")


class Upload:
    """A file that came with a request, named by its form field."""

    __slots__ = ("content_type", "data", "file_name")

    def __init__(self, file_name: str, data: bytes, content_type: str) -> None:
        self.file_name = file_name
        self.data = data
        self.content_type = content_type

    def __repr__(self) -> str:
        return f"<{self.file_name}: {len(self.data)} bytes>"


class Schema:
    """The Bot API as documented: which methods there are, what they take and what they return."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.version: str = content["version"]
        self._methods: Mapping[str, Any] = content["methods"]
        self._types: Mapping[str, Any] = content["types"]
        self._names = {name.lower(): name for name in self._methods}
        self._checks: dict[str, TypeCheck] = {}

    def method_name(self, name: str) -> str | None:
        """The documented spelling: like Telegram's server, the emulator ignores case."""
        return self._names.get(name.lower())

    def decode_request(self, method: str, raw: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """Return the parameters with their documented types, and what was wrong with them."""
        fields: Mapping[str, list[Any]] = self._methods[method]["fields"]
        errors = [
            f"{method}: missing parameter {name!r}" for name, spec in fields.items() if len(spec) > 1 and raw.get(name) is None
        ]
        decoded: dict[str, Any] = {}
        for name, value in raw.items():
            if name not in fields:
                # attach://photo0 refers to a file by an undocumented form field: that is how albums are sent.
                if not isinstance(value, Upload):
                    errors.append(f"{method}: unknown parameter {name!r}")
                continue
            type_name = fields[name][0]
            decoded[name] = _decode(value, type_name)
            self._check(type_name)(decoded[name], f"{method}.{name}", errors)
        return decoded, errors

    def check_result(self, method: str, result: Any) -> list[str]:
        errors: list[str] = []
        self._check(self._methods[method]["returns"])(result, f"{method} response", errors)
        return errors

    def check_object(self, type_name: str, value: Any, where: str = "") -> list[str]:
        errors: list[str] = []
        self._check(type_name)(value, where or type_name, errors)
        return errors

    def _check(self, type_name: str) -> TypeCheck:
        if type_name not in self._checks:
            self._checks[type_name] = self._build(type_name)
        return self._checks[type_name]

    def _build(self, type_name: str) -> TypeCheck:
        if type_name.startswith("Array of "):
            return self._array(type_name.removeprefix("Array of "))
        if _SEPARATORS.search(type_name):
            return self._union(_SEPARATORS.split(type_name), type_name)
        if type_name in _BASIC:
            return _basic(type_name)
        body = self._types[type_name]
        if type_name == "RichText":  # the one union that also has text and itself, in prose only
            return self._union(["String", "Array of RichText", *body["any_of"]], type_name)
        if "any_of" in body:
            return self._union(body["any_of"], type_name)
        return self._object(type_name, body["fields"])

    def _array(self, item: str) -> TypeCheck:
        def check(value: Any, where: str, errors: list[str]) -> None:
            if not isinstance(value, list):
                errors.append(f"{where}: expected Array of {item}, got {_show(value)}")
                return
            check_item = self._check(item)
            for index, element in enumerate(value):
                check_item(element, f"{where}[{index}]", errors)

        return check

    def _object(self, name: str, fields: Mapping[str, list[Any]]) -> TypeCheck:
        required = [field for field, spec in fields.items() if len(spec) > 1]
        constants = {field: spec[2] for field, spec in fields.items() if len(spec) > 2}

        def check(value: Any, where: str, errors: list[str]) -> None:
            if not isinstance(value, dict):
                errors.append(f"{where}: expected {name}, got {_show(value)}")
                return
            errors.extend(f"{where}: missing field {field!r} of {name}" for field in required if field not in value)
            for field, element in value.items():
                if field not in fields:
                    errors.append(f"{where}: unknown field {field!r} of {name}")
                    continue
                self._check(fields[field][0])(element, f"{where}.{field}", errors)
            for field, constant in constants.items():
                if field in value and value[field] != constant:
                    errors.append(f"{where}.{field}: expected {constant!r}, got {_show(value[field])}")

        return check

    def _union(self, members: list[str], name: str) -> TypeCheck:
        def check(value: Any, where: str, errors: list[str]) -> None:
            fewest: list[str] | None = None
            for member in members:
                found: list[str] = []
                self._check(member)(value, where, found)
                if not found:
                    return
                if isinstance(value, dict) and (fewest is None or len(found) < len(fewest)):
                    fewest = found
            errors.extend(fewest or [f"{where}: expected {name}, got {_show(value)}"])

        return check


@cache
def bot_api() -> Schema:
    """The committed schema, read once per process (about 10 ms)."""
    return Schema(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))


def _basic(name: str) -> TypeCheck:
    def check(value: Any, where: str, errors: list[str]) -> None:
        if not _is_basic(name, value):
            errors.append(f"{where}: expected {name}, got {_show(value)}")

    return check


def _is_basic(name: str, value: Any) -> bool:
    match name:
        case "Integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "Float":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "Boolean":
            return isinstance(value, bool)
        case "True":
            return value is True
        case "InputFile":
            return isinstance(value, Upload)
        case _:
            return isinstance(value, str)


def _decode(value: Any, type_name: str) -> Any:
    """Turn form text into what the documentation promises; leave it alone when that is impossible."""
    if not isinstance(value, str) or type_name == "String":
        return value
    if type_name == "Integer or String":
        return int(value) if re.fullmatch(r"-?\d+", value) else value
    if "String" in _SEPARATORS.split(type_name):
        return value
    if type_name in ("Boolean", "True"):
        return _TRUTH.get(value.lower(), value)
    try:
        return json.loads(value)
    except ValueError:
        return value


def _show(value: Any) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"
