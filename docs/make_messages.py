"""Compare every language's interface texts with English: missing and unknown keys, placeholders, who has reviewed them."""

import string
import sys
from pathlib import Path
from typing import Any

import yaml

LOCALES = Path(__file__).resolve().parent.parent / "bot" / "locales"
REFERENCE = "en"


def read(code: str) -> dict[str, Any]:
    """Return the texts of one language."""
    found: dict[str, Any] = yaml.safe_load((LOCALES / f"{code}.yaml").read_text(encoding="utf-8"))
    return found


def placeholders(text: object) -> set[str]:
    """Return the names in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(str(text)) if name}


def compare(wanted: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """Return what differs, one line each."""
    lines = [f"missing      {key}" for key in wanted if key not in found]
    lines += [f"unknown      {key}" for key in found if key not in wanted]
    for key in wanted.keys() & found.keys():
        if not key.startswith("_") and placeholders(wanted[key]) != placeholders(found[key]):
            lines.append(f"placeholders {key}: {sorted(placeholders(wanted[key]))} became {sorted(placeholders(found[key]))}")
    return lines


def main() -> int:
    """Print one block a language; exit status 1 when a text is missing or broken."""
    wanted, broken = read(REFERENCE), False
    for path in sorted(LOCALES.glob("??.yaml")):
        found = read(path.stem)
        differences = compare(wanted, found)
        broken = broken or bool(differences)
        signed = ", ".join(found.get("_reviewed_by") or []) or "not reviewed by a native speaker"
        print(f"{path.stem}  {len(found.keys() & wanted.keys())} of {len(wanted)} texts  {signed}")
        for line in differences:
            print(f"    {line}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
