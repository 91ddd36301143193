"""Interface texts from ``bot/locales``: one YAML file a language, the same keys and placeholders in each."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from bot.domain.errors import InvalidSettings

DEFAULT_FOLDER = Path(__file__).parent.parent / "locales"
STAFF_FILE = "staff.en"
LAST = "en"


class YamlCatalogue:
    """Catalogue over the locale files."""

    def __init__(self, folder: Path = DEFAULT_FOLDER) -> None:
        self._languages: dict[str, dict[str, Any]] = {
            code: row for code, row in _read(folder / "languages.yaml").items() if not code.startswith("_")
        }
        self._texts = {code: _read(folder / f"{code}.yaml") for code in self._languages if (folder / f"{code}.yaml").exists()}
        self._staff = _read(folder / f"{STAFF_FILE}.yaml")
        _require_same_keys(self._texts)

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
        return "" if language in self._texts or language not in self._languages else str(self._languages[language]["no_content"])

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


def _read(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as exc:
        raise InvalidSettings(f"The text file {path} cannot be read: {exc}") from exc
    if not isinstance(found, dict):
        raise InvalidSettings(f"The text file {path} holds no keys")
    return found


def _require_same_keys(texts: Mapping[str, Mapping[str, Any]]) -> None:
    wanted = set(texts[LAST])
    for code, found in texts.items():
        missing, extra = wanted - set(found), set(found) - wanted
        if missing or extra:
            raise InvalidSettings(
                f"bot/locales/{code}.yaml: missing {sorted(missing)}, unknown {sorted(extra)}; compare it with en.yaml"
            )
