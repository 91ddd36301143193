"""An evaluation as one HTML page that needs nothing else: tables, intervals and the calibration curve."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

Cell = str | float | int | None
WIDE, HIGH, EDGE = 320, 320, 36
BAR_WIDE = 220
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #1b1b1b }
table { border-collapse: collapse; margin: .5rem 0 1.5rem }
th, td { padding: .2rem .7rem; border-bottom: 1px solid #ddd; text-align: right }
th:first-child, td:first-child { text-align: left } caption { text-align: left; font-weight: 600; padding: .3rem 0 }
svg text { font-size: 11px; fill: #444 } .low { color: #a40000; font-weight: 600 } p { max-width: 46rem }
"""


def page(summary: Mapping[str, Any], sources: Sequence[str], failed: Sequence[str] = ()) -> str:
    """Return the page; ``failed`` holds the lines of the gate."""
    parts = [
        f"<p>{summary['n']} rows of {escape(', '.join(sources))}. Intervals are Wilson's at 95 %.</p>",
        "".join(f'<p class="low">Gate: {escape(line)}</p>' for line in failed),
        _outcomes(summary),
        _safety(summary["safety"]),
        _understanding(summary["understanding"]),
        _shares("Refused or handed to a person", summary["refused"]),
        _shares("Language detected", summary["language"]),
        _parity(summary),
    ]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Evaluation</title><style>{STYLE}</style>'
        f"<h1>Evaluation</h1>{''.join(parts)}</html>\n"
    )


def parity(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return one row a language: what it gets, and how far that is from English (in points; positive is worse)."""
    safety, understanding = summary["safety"], summary["understanding"]
    f1 = understanding["by_language"] if understanding else {}
    found = []
    for code in summary["by_language"]:
        row: dict[str, Any] = {"language": code}
        for name in ("crisis", "emergency", "alarms_near_miss", "alarms_calm"):
            row[name] = safety[name]["by_language"].get(code, {}).get("share")
        row |= {"macro_f1": f1.get(code), "detected": summary["language"]["by_language"][code]["share"]}
        for name in ("crisis", "macro_f1"):
            english = safety["crisis"]["by_language"].get("en", {}).get("share") if name == "crisis" else f1.get("en")
            known = english is not None and row[name] is not None
            row[f"{name}_gap"] = round(100 * (english - row[name]), 1) if known else None
        found.append(row)
    return found


def _outcomes(summary: Mapping[str, Any]) -> str:
    rows = [(name, cell["n"], cell["accuracy"]) for name, cell in summary["by_outcome"].items()]
    return _table("Outcome as labelled", ("expected", "n", "accuracy"), [*rows, ("all", summary["n"], summary["accuracy"])])


def _safety(safety: Mapping[str, Any]) -> str:
    titles = {
        "crisis": "Danger or harm: seen (emergency or a person offered)",
        "crisis_recognised": "Danger or harm: recognised as such (by a rule of safety, not for want of a passage)",
        "emergency": "Danger now: the emergency card",
        "alarms_near_miss": "Alarms on look-alikes",
        "alarms_calm": "Alarms on calm questions",
    }
    alone = safety["answered_by_retrieval_alone"]
    return "".join(_shares(title, safety[name]) for name, title in titles.items()) + (
        f"<p>Rows of danger or harm answered by a passage alone: {alone}.</p>"
    )


def _understanding(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    error = found["calibration"]["error"]
    languages = _table("Macro-F1 by language", ("language", "F1"), [*found["by_language"].items(), ("all", found["macro_f1"])])
    worst_first = sorted(found["by_intent"], key=found["by_intent"].__getitem__)
    intents = _table("F1 by intent", ("intent", "F1"), [(name, found["by_intent"][name]) for name in worst_first])
    return f"{languages}<h2>Calibration: error {error}</h2>{_curve(found['calibration']['bins'])}{intents}"


def _parity(summary: Mapping[str, Any]) -> str:
    rows = parity(summary)
    heads = tuple(rows[0]) if rows else ()
    return _table("Parity: gaps to English in points", heads, [tuple(row.values()) for row in rows])


def _shares(title: str, found: Mapping[str, Any]) -> str:
    """Return one table with all groups and a picture of each interval."""
    rows = [("all", found["overall"])]
    rows += [(key, cell) for name, cells in found.items() if name != "overall" for key, cell in cells.items()]
    lines = "".join(
        f"<tr><td>{escape(str(key))}<td>{cell['n']}<td>{cell['found']}<td>{_shown(cell['share'])}"
        f"<td>{_shown(cell['low'])}–{_shown(cell['high'])}<td>{_interval(cell)}"
        for key, cell in rows
        if cell["n"]
    )
    return f"<table><caption>{escape(title)}</caption><tr><th><th>n<th>found<th>share<th>95 %<th>0 … 1{lines}</table>"


def _interval(cell: Mapping[str, Any]) -> str:
    low, high, share = (BAR_WIDE * float(cell[name]) for name in ("low", "high", "share"))
    return (
        f'<svg width="{BAR_WIDE + 8}" height="12" role="img" aria-label="{cell["low"]} to {cell["high"]}">'
        f'<line x1="4" x2="{BAR_WIDE + 4}" y1="6" y2="6" stroke="#ddd"/>'
        f'<line x1="{low + 4:.1f}" x2="{high + 4:.1f}" y1="6" y2="6" stroke="#2a6f97" stroke-width="3"/>'
        f'<circle cx="{share + 4:.1f}" cy="6" r="3.5" fill="#012a4a"/></svg>'
    )


def _curve(bins: Sequence[Mapping[str, Any]]) -> str:
    """Return what comes true against what is claimed; a circle's area is its rows."""

    def at(x: float, y: float) -> tuple[float, float]:
        return EDGE + x * (WIDE - 2 * EDGE), HIGH - EDGE - y * (HIGH - 2 * EDGE)

    (left, bottom), (right, top) = at(0, 0), at(1, 1)
    most = max((one["n"] for one in bins), default=1)
    circles = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{3 + 9 * (one["n"] / most) ** 0.5:.1f}" fill="#2a6f97" fill-opacity=".6">'
        f"<title>{one['n']} rows: claimed {one['confidence']}, right {one['right']}</title></circle>"
        for one in bins
        for x, y in [at(one["confidence"], one["right"])]
    )
    return (
        f'<svg width="{WIDE}" height="{HIGH}" role="img" aria-label="Calibration curve">'
        f'<rect x="{left}" y="{top}" width="{right - left}" height="{bottom - top}" fill="none" stroke="#bbb"/>'
        f'<line x1="{left}" y1="{bottom}" x2="{right}" y2="{top}" stroke="#bbb" stroke-dasharray="4"/>{circles}'
        f'<text x="{left}" y="{HIGH - 12}">0</text><text x="{right - 6}" y="{HIGH - 12}">1</text>'
        f'<text x="{WIDE / 2 - 30}" y="{HIGH - 12}">confidence</text><text x="4" y="{top - 8}">right</text></svg>'
    )


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    head = "".join(f"<th>{escape(name)}" for name in heads)
    lines = "".join("<tr>" + "".join(f"<td>{escape(_shown(cell))}" for cell in row) for row in rows)
    return f"<table><caption>{escape(title)}</caption><tr>{head}{lines}</table>"


def _shown(cell: Cell) -> str:
    return "–" if cell is None else f"{cell:.3f}" if isinstance(cell, float) else str(cell)
