"""Read a folder of documents, one after another; a bad file is a row of the report and never stops the others.

Nothing is kept between two files, so that memory does not grow with their number. Curated texts (the starter library) must state
everything and cite listed hosts only. An organisation's own files may have no head at all: title and language are then found.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from knowledge.errors import InvalidDocument, Problem
from knowledge.passages import Audience, Document
from knowledge.reading import plain, sidecar
from knowledge.reading.assembly import HeadText, Shelf, assemble, read_head, split_text
from knowledge.reading.formats import READERS
from knowledge.reading.kinds import MAX_BYTES, SNIFFED, Kind, check_content, kind_named
from knowledge.reading.original import Original, Unreadable
from knowledge.reading.worker import Workshop

MAX_PATH = 512
"""Characters of the column that keeps a document's path."""

_JUNK = frozenset({"README.md", "Thumbs.db", "desktop.ini", "Icon\r", "__MACOSX"})
_IGNORED = frozenset({".yaml", ".yml", ".part", ".tmp", ".lnk"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What became of one file: a document, or the problems that kept it from becoming one."""

    path: str
    """POSIX path below the folder."""
    document: Document | None = None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()
    """What of the document could not be taken over; the rest is sound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadReport:
    """What a folder held."""

    documents: tuple[Document, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[tuple[str, str], ...] = ()
    """Path and text."""


def read_folder(
    folder: Path,
    *,
    collection: str,
    audience: Audience,
    language: str | None = None,
    curated: bool = False,
    workshop: Workshop | None = None,
) -> Iterator[Read]:
    """Yield every file below ``folder``, sorted by path; README.md, dot-files and what systems leave behind are passed over.

    Args:
        audience: of every document; a file whose head names another is a problem.
        language: of documents whose head names none; None = told for each.
        curated: demand whole heads and listed https addresses.
        workshop: reads PDF, DOCX and HTML, and is closed at the end; None = one of our own readers.
    """
    shelf = Shelf(collection=collection, audience=audience, language=language, curated=curated)
    with workshop or Workshop(READERS) as readers:
        for path, name in _files(folder):
            if found := _one(path, name, folder, shelf, readers):
                yield found


def read_all(
    folder: Path, *, collection: str, audience: Audience, language: str | None = None, curated: bool = False
) -> ReadReport:
    """Return everything in a small folder at once; arguments as of :func:`read_folder`."""
    found = list(read_folder(folder, collection=collection, audience=audience, language=language, curated=curated))
    return ReadReport(
        documents=tuple(one.document for one in found if one.document),
        problems=tuple(problem for one in found for problem in one.problems),
        warnings=tuple((one.path, text) for one in found for text in one.warnings),
    )


def _files(folder: Path, inside: str = "") -> Iterator[tuple[Path, str]]:
    """Yield files in the order of their whole paths, and folders that cannot be listed; one folder's names are held at a time."""
    try:
        with os.scandir(folder) as entries:
            found = sorted((entry.name + "/" * entry.is_dir(follow_symlinks=False)) for entry in entries)
    except OSError:
        if not inside:
            raise
        yield folder, inside.rstrip("/")
        return
    for name in found:
        if name.startswith((".", "~$")) or name.rstrip("/") in _JUNK:
            continue
        if name.endswith("/"):
            yield from _files(folder / name, inside + name)
        else:
            yield folder / name, inside + name


def _one(path: Path, name: str, folder: Path, shelf: Shelf, workshop: Workshop) -> Read | None:
    """Return what became of a file; None when it is none of ours."""
    shown = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    try:
        if shown != name:
            raise Unreadable("has a name that is not UTF-8: rename it")
        if sidecar.is_sidecar(name):
            _check_companion(path, name)
            return None
        if path.suffix.lower() in _IGNORED:
            return None
        _check_place(path, name, folder)
        if not path.is_file():
            return None
        return _document(path, name, shelf, workshop)
    except InvalidDocument as exc:
        return Read(path=shown, problems=exc.problems)
    except Unreadable as exc:
        line = exc.line if isinstance(exc, plain.UnreadableLine) else 1
        return Read(path=shown, problems=(Problem(path=shown, key="", line=line, text=str(exc)),))
    except OSError as exc:
        return Read(path=shown, problems=(Problem(path=shown, key="", line=1, text=f"cannot be read: {exc.strerror}"),))


def _check_place(path: Path, name: str, folder: Path) -> None:
    """Refuse what lies elsewhere: whoever may write into the folder could otherwise have any file of this machine published."""
    if path.is_symlink():
        target = path.resolve()
        if not target.is_relative_to(folder.resolve()):
            raise Unreadable("is a link out of the folder: put the file itself here")
        if target.is_dir():
            raise Unreadable("is a link to a folder: its files are read where they are, remove the link")
        if not target.exists():
            raise Unreadable("is a link to nothing: remove it")
    elif path.is_dir():
        raise Unreadable("is a folder that may not be listed: change its permissions")
    if len(name) > MAX_PATH:
        raise Unreadable(f"has a path of {len(name)} characters, at most {MAX_PATH} are kept: shorten its folders")


def _check_companion(path: Path, name: str) -> None:
    companion = path.with_suffix("")
    if not companion.is_file():
        raise Unreadable(f"stands alone: put {companion.name} beside it, or remove it")
    if kind_named(PurePosixPath(companion.name)) is Kind.TEXT:
        raise Unreadable(f"is not needed: a text carries its own head, put these keys at the top of {companion.name}")


def _document(path: Path, name: str, shelf: Shelf, workshop: Workshop) -> Read:
    kind = kind_named(PurePosixPath(name))
    size = path.stat().st_size
    if size > MAX_BYTES[kind]:
        raise Unreadable(f"is larger than {MAX_BYTES[kind] // 2**20} MB: divide it")
    if size == 0:
        raise Unreadable("is empty: write some text or remove the file")
    with path.open("rb") as file:
        check_content(kind, path.suffix.lower(), file.read(SNIFFED))
    if kind is Kind.TEXT:
        head, original = _text(path, name, shelf)
    else:
        head, original = _sidecar(path, name, shelf), workshop.read(path, kind)
    document = assemble(original, read_head(head, shelf), name, shelf, is_markdown=kind is Kind.TEXT)
    return Read(path=name, document=document, warnings=original.warnings)


def _text(path: Path, name: str, shelf: Shelf) -> tuple[HeadText | None, Original]:
    head, body, line = split_text(plain.decode(path.read_bytes()), name, shelf)
    if head is None and shelf.curated:
        raise Unreadable("has no front matter: begin with --- and the keys of knowledge/library/README.md")
    if not body.strip():
        read_head(head, shelf)
        raise plain.UnreadableLine("has no text: write some or remove the file", line)
    return head, Original(body=body.strip())


def _sidecar(path: Path, name: str, shelf: Shelf) -> HeadText | None:
    beside = sidecar.beside(path)
    if not beside.is_file():
        if shelf.curated:
            raise Unreadable(f"has no head: put the keys of knowledge/library/README.md into {beside.name}")
        return None
    named = name + sidecar.SUFFIX
    return HeadText(yaml_text=sidecar.read(beside, named), path=named, first_line=1)
