"""Read a Word file: headings by style, lists, tables with captions, notes, links; deleted text is left out, inserted text kept.

The elements are walked here rather than through python-docx's paragraphs, which pass over content controls, tracked insertions
and text boxes: words that a reader of the file sees. What is struck through is taken for deleted.
"""

from collections.abc import Iterator
from pathlib import Path

import docx
from docx.document import Document as WordDocument
from docx.oxml.ns import qn
from lxml import etree  # type: ignore[import-untyped]

from knowledge.reading import markup
from knowledge.reading.docx_archive import check_archive
from knowledge.reading.docx_styles import Look, Styles
from knowledge.reading.original import BodyWriter, Original, Unreadable
from knowledge.reading.screening import excerpt

_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
"""A second copy of a text box, for old programs."""
_NOTES = {qn("w:footnoteReference"): "footnotes", qn("w:endnoteReference"): "endnotes"}
_GONE = frozenset({
    qn("w:del"), qn("w:moveFrom"), qn("w:pPr"), qn("w:rPr"), qn("w:instrText"), qn("w:delText"), _FALLBACK,
    qn("w:sdtPr"), qn("w:tblPr"), qn("w:tblGrid"), qn("w:sectPr"),
})  # fmt: skip
_SPACES = frozenset({qn("w:tab"), qn("w:br"), qn("w:cr"), qn("w:ptab")})
_TEXT_BOX = qn("w:txbxContent")
_HIDDEN_FROM = 3
"""Letters from which a hidden run says something; Word itself hides paragraph marks and single signs."""


def read_docx(path: Path) -> Original:
    """Return the text of a Word file.

    Raises:
        Unreadable: no Word file, one with macros, one that unpacks to too much, or none with text.
    """
    check_archive(path)
    try:
        document = docx.Document(str(path))
    except (KeyError, ValueError, etree.XMLSyntaxError) as exc:
        raise Unreadable("is damaged: open it in Word and save it again") from exc
    walk = _Walk(document)
    walk.blocks(document.element.body)
    body, marks = walk.writer.finish()
    if not body.strip():
        raise Unreadable("holds no text: if it is made of pictures, run text recognition on them")
    title = markup.one_line(document.core_properties.title or "")
    return Original(
        body=body, marks=marks, title=walk.title or title or None, language=document.core_properties.language or None,
        concerns=tuple(walk.concerns()),
    )  # fmt: skip


class _Walk:
    """One walk over a document: what was written, and what was left out."""

    def __init__(self, document: WordDocument) -> None:
        self.writer = BodyWriter()
        self.title = ""
        self._styles = Styles(document)
        self._links = {name: one.target_ref for name, one in document.part.rels.items() if one.is_external}
        self._notes = dict(_notes(document))
        self._cited: list[str] = []
        self._boxes: list[etree._Element] = []
        self._hidden: list[str] = []
        self._numbers: dict[tuple[str, int], int] = {}
        self._caption = ""
        self._follows_item = False
        self._below_title = 0
        """Levels by which headings lie below a title."""

    def concerns(self) -> Iterator[str]:
        """Yield why an editor must look; runs that follow one another are one text."""
        text = "".join(self._hidden)
        if sum(sign.isalpha() for sign in text) >= _HIDDEN_FROM:
            yield f"holds hidden text, left out here: {excerpt(text)}"

    def blocks(self, parent: etree._Element) -> None:
        """Write the paragraphs and tables below an element, content controls and the like opened."""
        for element in parent:
            if element.tag == qn("w:p"):
                self._paragraph(element)
            elif element.tag == qn("w:tbl"):
                self._table(element)
            elif isinstance(element.tag, str) and element.tag not in _GONE:
                self.blocks(element)
        if parent.tag == qn("w:body"):
            self._flush_caption()

    def _paragraph(self, element: etree._Element) -> None:
        look = self._styles.of(element)
        text = markup.one_line("".join(self._runs(element, look)))
        self._hidden.append(" ")
        boxes, self._boxes = self._boxes, []
        if text:
            self._write(element, look, text)
        for box in boxes:
            self.blocks(box)

    def _write(self, element: etree._Element, look: Look, text: str) -> None:
        self._flush_caption()
        if look.is_caption:
            self._caption = markup.paragraph(text)
        elif look.level is not None:
            if look.level == 0:
                self._below_title = 1
            self.title = self.title or (text if look.level <= 1 else "")
            self._add(markup.heading(look.level + self._below_title if look.level else 1, text))
        elif look.list_id is not None:
            number = self._next_number(look) if look.is_numbered else None
            self._add(markup.item(text, depth=look.depth, number=number), after="\n" if self._follows_item else "\n\n")
            self._follows_item = True
        else:
            self._add(markup.paragraph(text))

    def _add(self, text: str, *, after: str = "\n\n") -> None:
        self.writer.add(text, after=after)
        self._follows_item = False
        cited, self._cited = self._cited, []
        for note in cited:
            self.writer.add(markup.paragraph(note))

    def _flush_caption(self) -> None:
        """Write a caption that no table came behind: it belongs to a figure, or stands below its table."""
        caption, self._caption = self._caption, ""
        if caption:
            self._add(caption)

    def _next_number(self, look: Look) -> int:
        key = (look.list_id or "", look.depth)
        for deeper in [one for one in self._numbers if one[0] == key[0] and one[1] > key[1]]:
            del self._numbers[deeper]
        self._numbers[key] = self._numbers.get(key, 0) + 1
        return self._numbers[key]

    def _table(self, table: etree._Element) -> None:
        rows = [row for one in table.iterchildren(qn("w:tr")) if any(row := self._row(one))]
        rows = _filled_from_above(rows)
        if len(rows) > 1 and max(map(len, rows)) > 1:
            caption, self._caption = self._caption, ""
            texts = [[text or "" for text in row] for row in rows]
            self._add("\n".join([*([caption] if caption else []), *markup.table_lines(texts)]))
            return
        self._flush_caption()  # a frame around text, or columns side by side: no table
        for row in table.iterchildren(qn("w:tr")):
            for cell in row.iterchildren(qn("w:tc")):
                self.blocks(cell)

    def _row(self, row: etree._Element) -> list[str | None]:
        """Return the cells; None continues the one above."""
        cells: list[str | None] = []
        for cell in row.iter(qn("w:tc")):
            if next(cell.iterancestors(qn("w:tr")), None) is not row:
                continue  # of a table inside
            properties = cell.find(qn("w:tcPr"))
            merged = properties.find(qn("w:vMerge")) if properties is not None else None
            continues = merged is not None and merged.get(qn("w:val"), "continue") == "continue"
            cells.append(None if continues else self._cell_text(cell))
            span = properties.find(qn("w:gridSpan")) if properties is not None else None
            cells.extend([""] * (_number(span, 1) - 1))
        return cells

    def _cell_text(self, cell: etree._Element) -> str:
        found = []
        for paragraph in cell.iter(qn("w:p")):
            found.append("".join(self._runs(paragraph, self._styles.of(paragraph))))
        self._boxes = []
        return markup.one_line(" ".join(found))

    def _runs(self, parent: etree._Element, look: Look) -> Iterator[str]:
        """Yield the visible words of a paragraph; hidden ones, notes and text boxes are put aside."""
        for element in parent:
            tag = element.tag
            if tag in _GONE or not isinstance(tag, str):
                continue
            if tag == _TEXT_BOX:
                self._boxes.append(element)
            elif tag == qn("w:hyperlink"):
                text = "".join(self._runs(element, look))
                yield markup.link(text, self._links.get(element.get(qn("r:id"), ""), "")) if text.strip() else text
            elif tag == qn("w:r") and self._styles.hides(element, look):
                self._hidden.append("".join(one.text or "" for one in element.iter(qn("w:t"))))
            elif tag == qn("w:r") and self._styles.is_struck(element):
                continue
            elif tag == qn("w:t"):
                yield element.text or ""
            elif tag in _SPACES:
                yield " "
            elif tag == qn("w:noBreakHyphen"):
                yield "-"
            elif tag in _NOTES:
                yield self._note(_NOTES[tag], element.get(qn("w:id"), ""))
            else:
                yield from self._runs(element, look)

    def _note(self, part: str, number: str) -> str:
        """Return the sign of a note, which follows the paragraph that cites it: a passage must carry its notes."""
        note = self._notes.get((part, number))
        if note is None:
            return ""
        text = markup.one_line("".join(self._runs(note, self._styles.plain)))
        sign = f"[{number}]"
        self._cited.append(f"{sign} {text}")
        return sign


def _notes(document: WordDocument) -> Iterator[tuple[tuple[str, str], etree._Element]]:
    for relation in document.part.rels.values():
        name = relation.reltype.rpartition("/")[2]
        if name in ("footnotes", "endnotes") and not relation.is_external:
            parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
            for note in etree.fromstring(relation.target_part.blob, parser):
                if note.get(qn("w:type"), "normal") == "normal":
                    yield (name, note.get(qn("w:id"), "")), note


def _filled_from_above(rows: list[list[str | None]]) -> list[list[str | None]]:
    """Repeat a cell that goes over several rows in each: a row alone must still say what it is about."""
    above: list[str | None] = []
    filled = []
    for row in rows:
        above = [above[place] if text is None and place < len(above) else text for place, text in enumerate(row)]
        filled.append(above)
    return filled


def _number(element: etree._Element | None, default: int) -> int:
    value = element.get(qn("w:val"), "") if element is not None else ""
    return min(int(value), 60) if value.isdecimal() else default
