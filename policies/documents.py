"""A YAML file that remembers on which line everything stands, so that an error can say where to look."""

from __future__ import annotations

from importlib.resources.abc import Traversable
from typing import Final, TypeVar

import yaml
from pydantic import ValidationError

from policies.errors import PolicyError
from policies.schema import Model

M = TypeVar("M", bound=Model)
Path = tuple[str | int, ...]
ROOT: Final[Path] = ()
LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The safe loader of libyaml where it is built in: the lexicons are large."""


class Document:
    """One policy file, read.

    Attributes:
        name: Name relative to the data folder, for messages.
        data: The plain content.
    """

    def __init__(self, name: str, text: str) -> None:
        """Read ``text``.

        Raises:
            PolicyError: it is not YAML, is empty, or holds a key twice.
        """
        self.name = name
        self._lines: dict[Path, int] = {}
        loader = LOADER(text)
        try:
            node = loader.get_single_node()
            self.data: object = loader.construct_document(node) if node is not None else None
        except yaml.YAMLError as exc:
            mark = getattr(exc, "problem_mark", None)
            line = mark.line + 1 if mark else None
            raise PolicyError(f"not valid YAML: {getattr(exc, 'problem', exc)}", file=name, line=line) from exc
        except ValueError as exc:  # a date that no calendar has, such as 30 February
            raise PolicyError(f"not valid YAML: {exc}", file=name) from exc
        finally:
            loader.dispose()
        if node is None:
            raise PolicyError("the file is empty", file=name, line=1)
        self._walk(node, ROOT)

    def _walk(self, node: yaml.Node, path: Path) -> None:
        self._lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                name = str(key.value)
                self._lines[(*path, name)] = key.start_mark.line + 1
                if name in seen:
                    raise self.error("this key stands here twice", (*path, name))
                seen.add(name)
                self._walk(value, (*path, name))
        elif isinstance(node, yaml.SequenceNode):
            for number, item in enumerate(node.value):
                self._lines[(*path, number)] = item.start_mark.line + 1
                self._walk(item, (*path, number))

    def line(self, path: Path) -> int:
        """Return the line of ``path``, or of the nearest thing that encloses it."""
        while path not in self._lines:
            path = path[:-1]
        return self._lines[path]

    def error(self, message: str, path: Path) -> PolicyError:
        """Return an error that names this file, the key path and the line."""
        return PolicyError(message, file=self.name, key=shown(path), line=self.line(path))

    def parse(self, model: type[M]) -> M:
        """Check the content against ``model``.

        Raises:
            PolicyError: the first thing that does not fit.
        """
        try:
            return model.model_validate(self.data)
        except ValidationError as exc:
            first = exc.errors()[0]
            path = tuple(part for part in first["loc"])
            raise self.error(f"{first['msg']} (got {_short(first['input'])})", path) from exc


def read(folder: Traversable, name: str) -> Document:
    """Read one file of the data folder."""
    part = folder
    for step in name.split("/"):
        part = part.joinpath(step)
    try:
        text = part.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise PolicyError(f"cannot be read: {exc}", file=name) from exc
    return Document(name, text)


def shown(path: Path) -> str:
    """Return a path as ``rules[3].when.all[0].field``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
