"""Figures of an evaluation: shares with their intervals, F1 by class, calibration."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import f1_score

Row = TypeVar("Row")
BINS = 10


def share(values: Iterable[bool]) -> dict[str, Any]:
    """Return n, how many are true, their share, and the limits of its 95 % interval (Wilson); None over no rows."""
    found = [bool(value) for value in values]
    if not found:
        return {"n": 0, "found": 0, "share": None, "low": None, "high": None}
    low, high = binomtest(sum(found), len(found)).proportion_ci(method="wilson")
    return {
        "n": len(found),
        "found": sum(found),
        "share": round(sum(found) / len(found), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
    }


def shares(rows: Sequence[Row], of: Callable[[Row], bool], **by: Callable[[Row], str | None]) -> dict[str, Any]:
    """Return the share over all rows, and for each name in ``by`` the shares of its groups (``by_language`` …)."""
    return {"overall": share(map(of, rows))} | {
        f"by_{name}": {key: share(map(of, group)) for key, group in groups(rows, key_of).items()} for name, key_of in by.items()
    }


def groups(rows: Iterable[Row], key: Callable[[Row], str | None]) -> Mapping[str, list[Row]]:
    """Return the rows by key, in the order of keys; rows without one are left out."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if (name := key(row)) is not None:
            found[name].append(row)
    return dict(sorted(found.items()))


def macro_f1(labels: Sequence[str], read: Sequence[str | None]) -> float:
    """Return the mean of the labels' F1, each label counting alike; a class that is only read has none of its own."""
    names = sorted(set(labels))
    return round(float(f1_score(labels, [one or "" for one in read], labels=names, average="macro", zero_division=0)), 4)


def f1_by_label(labels: Sequence[str], read: Sequence[str | None]) -> dict[str, float]:
    """Return the F1 of each label."""
    names = sorted(set(labels))
    values = f1_score(labels, [one or "" for one in read], labels=names, average=None, zero_division=0)
    return {name: round(float(value), 4) for name, value in zip(names, values, strict=True)}


def calibration(confidence: Sequence[float], right: Sequence[bool]) -> dict[str, Any]:
    """Return the expected calibration error over ten equal bins, and the bins that hold anything.

    The error is the mean distance between what is claimed and what comes true, weighted by rows.
    """
    claimed, true = np.asarray(confidence, float), np.asarray(right, float)
    places = np.minimum((claimed * BINS).astype(int), BINS - 1)
    bins = [
        {
            "from": place / BINS,
            "n": int(inside.sum()),
            "confidence": round(float(claimed[inside].mean()), 4),
            "right": round(float(true[inside].mean()), 4),
        }
        for place in range(BINS)
        if (inside := places == place).any()
    ]
    error = sum(one["n"] * abs(one["confidence"] - one["right"]) for one in bins) / len(claimed) if bins else None
    return {"error": None if error is None else round(error, 4), "bins": bins}
