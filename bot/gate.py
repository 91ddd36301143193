"""Least and most: the figures of an evaluation a release must keep (evaluation/gate.yaml)."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bot.domain.errors import InvalidSettings

EACH = "*"


class Bound(BaseModel):
    """One figure and its bound. ``figure`` is a path in the summary; ``*`` stands for every key at its place."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    figure: str = Field(min_length=1)
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _has_a_bound(self) -> "Bound":
        if (self.at_least is None) is (self.at_most is None):
            raise ValueError("state at_least or at_most, one of them")
        return self


class Gate(BaseModel):
    """All bounds of one file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bounds: list[Bound] = Field(min_length=1)


def read_gate(path: Path) -> Gate:
    """Read a gate file.

    Raises:
        InvalidSettings: it is not YAML, or not of this form; says where.
    """
    try:
        return Gate.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError) as exc:
        raise InvalidSettings(f"{path} is not a gate file: {exc}") from exc


def failures(gate: Gate, summary: Mapping[str, Any]) -> list[str]:
    """Return a line for each bound that is not kept; a figure that is missing keeps none."""
    return [line for bound in gate.bounds for line in _failures(bound, summary)]


def _failures(bound: Bound, summary: Mapping[str, Any]) -> Iterator[str]:
    found = list(_figures(summary, bound.figure.split("/"), ()))
    if not found:
        yield f"{bound.figure}: no such figure"
    for name, value in found:
        if value is None or not isinstance(value, int | float):
            yield f"{name}: nothing was measured"
        elif bound.at_least is not None and value < bound.at_least:
            yield f"{name}: {value} is below {bound.at_least}"
        elif bound.at_most is not None and value > bound.at_most:
            yield f"{name}: {value} is above {bound.at_most}"


def _figures(found: Any, path: list[str], walked: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Yield the name and value of every figure the path leads to."""
    if not path:
        yield "/".join(walked), found
    elif isinstance(found, Mapping):
        for key in found if path[0] == EACH else [path[0]] if path[0] in found else []:
            yield from _figures(found[key], path[1:], (*walked, key))
