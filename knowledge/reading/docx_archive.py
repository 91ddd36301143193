"""Check the archive of a Word file before anything in it is unpacked.

A few kilobytes of zip can unpack to gigabytes; the sizes are read from its directory, and Python's unpacker stops at them.
"""

import zipfile
from pathlib import Path

from knowledge.reading.original import Unreadable

MAX_MEMBERS = 5_000
"""A report with 1,000 pictures has about 1,100."""
MAX_UNPACKED = 200 * 2**20
"""Bytes of all members: four times the largest file that is read at all."""
MAX_RATIO = 200
"""Unpacked to packed of one member; Word's own XML reaches 20, a bomb 1,000. Small members are let be."""
RATIO_FROM = 2**20

_OTHERS = (
    ("xl/", "an Excel file: save the sheets that matter as tables of a DOCX file"),
    ("ppt/", "a PowerPoint file: save it as PDF"),
)
_MACROS = b"macroEnabled"


def check_archive(path: Path) -> None:
    """Check that a file is a Word file that can be unpacked.

    Raises:
        Unreadable: with what it is instead, and what to do.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_sizes(members)
            _check_kind(archive, {member.filename for member in members})
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError) as exc:
        raise Unreadable("is damaged or cut off: save it again, or fetch it again from where it came") from exc
    except RuntimeError as exc:  # what zipfile raises for an encrypted member
        raise Unreadable("is protected by a password: save it without one") from exc


def _check_sizes(members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MAX_MEMBERS:
        raise Unreadable(f"holds {len(members):,} parts, at most {MAX_MEMBERS:,} are read: save it again in Word")
    total = sum(member.file_size for member in members)
    worst = max((one.file_size / max(one.compress_size, 1) for one in members if one.file_size >= RATIO_FROM), default=0.0)
    if total > MAX_UNPACKED or worst > MAX_RATIO:
        raise Unreadable(
            f"unpacks to {total / 2**20:,.0f} MB, {worst:,.0f} to 1: it is no ordinary Word file, save it again in Word"
        )


def _check_kind(archive: zipfile.ZipFile, names: set[str]) -> None:
    if "word/document.xml" not in names:
        found = next((name for folder, name in _OTHERS if any(one.startswith(folder) for one in names)), None)
        raise Unreadable(f"is named .docx but is {found or 'a zip archive: unpack it, and add the documents in it'}")
    types = archive.read("[Content_Types].xml") if "[Content_Types].xml" in names else b""
    if _MACROS in types or any(name.endswith("vbaProject.bin") for name in names):
        raise Unreadable("holds macros: save it as DOCX without macros")
