"""Interface texts from ``bot/locales``: one YAML file a language, the same keys and placeholders in each.

``<language>.yaml`` is what people see, ``console.<language>.yaml`` the web console, ``staff.en.yaml`` the staff group.
"""

import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from bot.domain.errors import InvalidSettings

DEFAULT_FOLDER = Path(__file__).parent.parent / "locales"
STAFF_FILE = "staff.en"
CONSOLE_FILE = "console"
LAST = "en"


class YamlCatalogue:
    """Catalogue over the locale files."""

    def __init__(self, folder: Path = DEFAULT_FOLDER) -> None:
        self._languages = _languages(folder)
        paths = {code: folder / f"{code}.yaml" for code in (LAST, *self._languages)}
        self._texts = {code: _read(path) for code, path in paths.items() if code == LAST or path.exists()}
        self._staff = _read(folder / f"{STAFF_FILE}.yaml")
        for code, texts in self._texts.items():
            _require_same_form(paths[code], texts, self._texts[LAST])

    def text(self, key: str, language: str, **values: object) -> str:
        """Return the text in ``language`` or its nearest fallback; unused values are ignored."""
        return str(self._texts[self.shown_in(language)][key]).format_map(values)

    def staff_text(self, key: str, **values: object) -> str:
        return str(self._staff[key]).format_map(values)

    def shown_in(self, language: str) -> str:
        """Return ``language`` when it has texts, else the first of its fallbacks that has, else English."""
        row = self._languages.get(language, {})
        return next((code for code in (language, *row.get("fallback", ())) if code in self._texts), LAST)

    def no_content(self, language: str) -> str:
        return str(self._languages[language]["no_content"]) if language in self._languages else ""

    def fallbacks(self) -> Mapping[str, Sequence[str]]:
        """Return, by language, those whose texts are shown where it has none, in order."""
        return {code: tuple(row["fallback"]) for code, row in self._languages.items()}

    def native_names(self) -> Mapping[str, str]:
        return {code: str(row["name"]) for code, row in self._languages.items()}

    def is_reviewed(self, language: str) -> bool:
        return bool(self._texts.get(language, {}).get("_reviewed_by"))

    def unreviewed(self) -> list[str]:
        """Return the languages whose texts no native reviewer has signed."""
        return [code for code in self._texts if not self.is_reviewed(code)]

    def languages(self) -> list[str]:
        """Return the languages that have texts."""
        return list(self._texts)


class YamlConsoleTexts:
    """Words of the console over ``console.<language>.yaml``."""

    def __init__(self, folder: Path = DEFAULT_FOLDER) -> None:
        self._languages = _languages(folder)
        paths = {path.name.split(".")[1]: path for path in sorted(folder.glob(f"{CONSOLE_FILE}.*.yaml"))}
        self._texts = {code: _read(paths[code]) for code in self._languages if code in paths}
        for code, texts in self._texts.items():
            _require_same_form(paths[code], texts, self._texts[LAST])

    def text(self, key: str, language: str, /, **values: object) -> str:
        """Return a text; a name nobody has put into words yet is shown as it is, without what it begins with."""
        found = self._texts.get(language, self._texts[LAST]).get(key)
        return key.partition("_")[2] if found is None else str(found).format_map(values)

    def languages(self) -> Mapping[str, str]:
        """Return code → native name of the languages the console speaks."""
        return {code: self.name(code) for code in self._texts}

    def direction(self, language: str) -> str:
        """Return ``ltr`` or ``rtl``, of any language people write."""
        return str(self._languages.get(language, {}).get("direction", "ltr"))

    def name(self, language: str) -> str:
        """Return the native name of any language people write."""
        return str(self._languages.get(language, {}).get("name", language))


def _languages(folder: Path) -> dict[str, dict[str, Any]]:
    """Return, by code, what is known of each language people write."""
    return {code: row for code, row in _read(folder / "languages.yaml").items() if not code.startswith("_")}


def _read(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as exc:
        raise InvalidSettings(f"The text file {path} cannot be read: {exc}") from exc
    if not isinstance(found, dict):
        raise InvalidSettings(f"The text file {path} holds no keys")
    return found


def _require_same_form(path: Path, texts: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    missing, extra = set(wanted) - set(texts), set(texts) - set(wanted)
    if missing or extra:
        raise InvalidSettings(f"{path}: missing {sorted(missing)}, unknown {sorted(extra)}; compare it with {LAST}.yaml")
    for key in wanted:
        if not key.startswith("_") and _gaps(path, texts[key]) != _gaps(path, wanted[key]):
            raise InvalidSettings(
                f"{path}: {key!r} must hold the gaps {sorted(_gaps(path, wanted[key]))} of {LAST}.yaml, no others"
            )


def _gaps(path: Path, text: object) -> set[str]:
    """Return the names in braces. One lost is told to nobody; one invented would break the turn that fills it in."""
    try:
        return {name for _, name, _, _ in string.Formatter().parse(str(text)) if name is not None}
    except ValueError as exc:
        raise InvalidSettings(f"{path}: {text!r}: {exc}") from exc
