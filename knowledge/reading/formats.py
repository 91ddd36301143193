"""Which reader reads what; the parsers are imported where they run, in the worker, so that the bot itself never loads them."""

from collections.abc import Mapping
from pathlib import Path

from knowledge.reading.kinds import Kind
from knowledge.reading.original import Beat, Original, Reader


def _pdf(path: Path, beat: Beat) -> Original:
    from knowledge.reading.pdf import read_pdf

    return read_pdf(path, beat)


def _docx(path: Path, _: Beat) -> Original:
    from knowledge.reading.docx import read_docx

    return read_docx(path)


def _html(path: Path, _: Beat) -> Original:
    from knowledge.reading.html import read_html

    return read_html(path)


READERS: Mapping[Kind, Reader] = {Kind.PDF: _pdf, Kind.DOCX: _docx, Kind.HTML: _html}
