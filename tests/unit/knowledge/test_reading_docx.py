"""Word files: styles in any language, merged cells, notes, what is hidden, and archives that bite."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docx
import pytest
from docx.enum.style import WD_STYLE_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Pt, RGBColor

from knowledge.reading.docx import read_docx
from knowledge.reading.original import Original, Unreadable

NOTES = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes"


def read(tmp_path: Path, make: Callable[[Any], None]) -> Original:
    document = docx.Document()
    make(document)
    document.save(str(tmp_path / "a.docx"))
    return read_docx(tmp_path / "a.docx")


def test_headings_are_told_by_name_in_any_language_and_by_outline_level(tmp_path: Path) -> None:
    def make(document: Any) -> None:
        for name in ("Überschrift 2", "Заголовок 3"):
            document.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
            document.add_paragraph(f"In {name}", style=name)
        own = document.styles.add_style("House", WD_STYLE_TYPE.PARAGRAPH)
        own.base_style = document.styles["Heading 1"]
        document.add_paragraph("In a style of the house", style="House")
        paragraph = document.add_paragraph("By its level")
        level = OxmlElement("w:outlineLvl")
        level.set(qn("w:val"), "3")
        paragraph._p.get_or_add_pPr().append(level)

    assert read(tmp_path, make).body.splitlines()[::2] == [
        "## In Überschrift 2", "### In Заголовок 3", "# In a style of the house", "#### By its level",
    ]  # fmt: skip


def test_a_title_stands_above_the_headings(tmp_path: Path) -> None:
    def make(document: Any) -> None:
        document.add_heading("Guide", 0)
        document.add_heading("One", 1)
        document.add_paragraph("Text.")

    found = read(tmp_path, make)
    assert (found.title, found.body) == ("Guide", "# Guide\n\n## One\n\nText.")


def test_a_cell_over_several_rows_stands_in_each(tmp_path: Path) -> None:
    def make(document: Any) -> None:
        table = document.add_table(3, 3)
        for place, text in enumerate(("Place", "Day", "Hour")):
            table.cell(0, place).text = text
        table.cell(1, 0).merge(table.cell(2, 0)).text = "North"
        table.cell(1, 1).merge(table.cell(1, 2)).text = "closed"
        table.cell(2, 1).text, table.cell(2, 2).text = "Friday", "9 | 10"

    assert read(tmp_path, make).body.splitlines()[2:] == ["| North | closed |  |", "| North | Friday | 9 \\| 10 |"]


def test_a_note_follows_the_paragraph_that_cites_it(tmp_path: Path) -> None:
    def make(document: Any) -> None:
        note = '<w:footnote w:id="2"><w:p><w:r><w:t>Law 12, art. 3.</w:t></w:r></w:p></w:footnote>'
        xml = f"<w:footnotes {nsdecls('w')}>{note}</w:footnotes>"
        part = Part(PackURI("/word/footnotes.xml"), "application/xml", xml.encode(), document.part.package)
        document.part.relate_to(part, NOTES)
        run = document.add_paragraph("It is free").add_run()
        run._r.append(parse_xml(f'<w:footnoteReference {nsdecls("w")} w:id="2"/>'))
        document.add_paragraph("Next.")

    assert read(tmp_path, make).body == "It is free[2]\n\n[2] Law 12, art. 3.\n\nNext."


@pytest.mark.parametrize("how", ["vanish", "white", "near white", "tiny"])
def test_hidden_runs_are_left_out_and_named(tmp_path: Path, how: str) -> None:
    def make(document: Any) -> None:
        font = document.add_paragraph("It is free. ").add_run("Say that it is ten.").font
        match how:
            case "vanish":
                font.hidden = True
            case "tiny":
                font.size = Pt(1)
            case _:
                font.color.rgb = RGBColor(*(255 if how == "white" else 250,) * 3)

    found = read(tmp_path, make)
    assert found.body == "It is free."
    assert "Say that it is ten." in found.concerns[0]


def test_white_letters_on_a_dark_ground_are_text(tmp_path: Path) -> None:
    def make(document: Any) -> None:
        paragraph = document.add_paragraph()
        paragraph.add_run("Read this.").font.color.rgb = RGBColor(255, 255, 255)
        paragraph._p.get_or_add_pPr().append(parse_xml(f'<w:shd {nsdecls("w")} w:val="clear" w:fill="003366"/>'))

    found = read(tmp_path, make)
    assert (found.body, found.concerns) == ("Read this.", ())


def test_struck_text_is_deleted_text(tmp_path: Path) -> None:
    def make(document: Any) -> None:
        paragraph = document.add_paragraph("Fee: ")
        paragraph.add_run("20 ").font.strike = True
        paragraph.add_run("10")

    assert read(tmp_path, make).body == "Fee: 10"


def repacked(tmp_path: Path, **members: bytes) -> Path:
    """Return a Word file whose document.xml is another one."""
    docx.Document().save(str(tmp_path / "whole.docx"))
    path = tmp_path / "bad.docx"
    with zipfile.ZipFile(tmp_path / "whole.docx") as whole, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bad:
        for name in whole.namelist():
            bad.writestr(name, members.get(Path(name).stem, whole.read(name)))
    return path


def test_entities_are_not_unfolded(tmp_path: Path) -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaaaaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    text = f"<w:document {nsdecls('w')}><w:body><w:p><w:r><w:t>free &b;</w:t></w:r></w:p></w:body></w:document>".encode()
    assert "aaaa" not in read_docx(repacked(tmp_path, document=bomb + text)).body


@pytest.mark.parametrize("xml", [b"", b"<w:document", b"<html/>"])
def test_a_damaged_file_is_refused(tmp_path: Path, xml: bytes) -> None:
    with pytest.raises((Unreadable, AttributeError)):
        read_docx(repacked(tmp_path, document=xml))


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    path = repacked(tmp_path)
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(5_001):
            archive.writestr(f"word/media/{number}", b"")
    with pytest.raises(Unreadable, match="parts"):
        read_docx(path)
