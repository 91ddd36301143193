"""The head of a file that cannot carry one: ``report.pdf.yaml`` beside ``report.pdf``, with the keys of a front matter."""

from pathlib import Path, PurePosixPath

from knowledge.errors import InvalidDocument, Problem
from knowledge.reading import plain
from knowledge.reading.kinds import SUFFIXES

SUFFIX = ".yaml"
MAX_BYTES = 64 * 1024
"""A head of a thousand phrasings has half of it."""


def is_sidecar(name: str) -> bool:
    """Return whether a file's name says that it belongs to another one."""
    path = PurePosixPath(name)
    return path.suffix == SUFFIX and PurePosixPath(path.stem).suffix.lower() in SUFFIXES


def beside(path: Path) -> Path:
    """Return where the head of a file stands if it has one."""
    return path.with_name(path.name + SUFFIX)


def read(path: Path, name: str) -> str:
    """Return a sidecar's YAML.

    Raises:
        InvalidDocument: no text, or too long for a head.
    """
    try:
        raw = path.read_bytes() if path.stat().st_size <= MAX_BYTES else None
        if raw is None:
            text = f"is larger than {MAX_BYTES // 1024} KB: it holds more than a head"
            raise InvalidDocument.of([Problem(path=name, key="", line=1, text=text)])
        return plain.decode(raw)
    except OSError as exc:
        raise InvalidDocument.of([Problem(path=name, key="", line=1, text=f"cannot be read: {exc.strerror}")]) from exc
    except plain.UnreadableLine as exc:
        raise InvalidDocument.of([Problem(path=name, key="", line=exc.line, text=str(exc))]) from exc
