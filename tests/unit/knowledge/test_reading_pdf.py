"""PDF: the order of letters, running lines, and what the lines of a page become."""

from collections.abc import Sequence

import pytest

from knowledge.reading import pdf_flow
from knowledge.reading.bidi import letters, logical
from knowledge.reading.original import BodyWriter
from knowledge.reading.pdf import _without_running
from knowledge.reading.pdf_layout import Grid, Line, lay_out
from knowledge.reading.pdf_page import Glyph, PageContent


@pytest.mark.parametrize(
    ("visual", "rtl", "expected"),
    [
        ("abc 12", False, "abc 12"),
        ("םולש", True, "שלום"),
        ("םולש 12-34", True, "12-34 שלום"),
        ("21:00 ةعاسلا", True, "الساعة 21:00"),
        ("123-065 مقرلا", True, "الرقم 065-123"),
        ("%50 لقأ", True, "أقل 50%"),
        ("بتكم IOM Amman ىلع", True, "على IOM Amman مكتب"),
        (".(قباطلا) انه", True, "هنا (الطابق)."),
        ("The form ةرامتسا is free", False, "The form استمارة is free"),
        ("call ةرامتسا 12 بتكم now", False, "call مكتب 12 استمارة now"),
        ("۱۴۰۴ لاس", True, "سال ۱۴۰۴"),
    ],
)
def test_a_line_as_shown_becomes_the_line_as_written(visual: str, rtl: bool, expected: str) -> None:
    assert logical(list(visual), rtl=rtl) == expected


def test_a_ligature_keeps_the_order_of_its_letters() -> None:
    assert logical(["م", "لا", "س"], rtl=True) == "سلام"


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ("ﺳﻼﻡ", "سلام"),
        ("ﻣﯽﺧﻮﺍﻫﻢ", "می‌خواهم"),
        ("ﺍﻟﻮﺛﺎﺋﻖ", "الوثائق"),
        ("oﬃce", "office"),
        ("plain", "plain"),
    ],
)
def test_shapes_become_letters(shapes: str, expected: str) -> None:
    assert letters(shapes) == expected


def line(text: str, page: int, top: float, *, size: float = 10) -> Line:
    return Line(
        text=text, page=page, x0=50, x1=50 + 5 * len(text), top=top, bottom=top + size, size=size, is_bold=False, is_rtl=False,
        left=50, right=550, column=0, first_word=30,
    )  # fmt: skip


def kept(pages: dict[int, list[Line | Grid]]) -> list[str]:
    return [one.text for one in _without_running(pages, dict.fromkeys(pages, 800.0)) if isinstance(one, Line)]


def test_running_lines_and_page_numbers_go_and_headings_stay() -> None:
    pages: dict[int, list[Line | Grid]] = {
        number: [
            line("Guide 2024", number, 20),
            line(f"Chapter 1: Fees  {number + 4}", number, 40),
            line(f"Article {number * 2}", number, 60),
            line(f"Text {number}.", number, 300),
            line(f"- {number} -", number, 780),
        ]
        for number in range(1, 6)
    }
    assert kept(pages) == [text for number in range(1, 6) for text in (f"Article {number * 2}", f"Text {number}.")]


def test_the_title_of_a_chapter_runs_over_its_pages_only() -> None:
    pages: dict[int, list[Line | Grid]] = {
        number: [line("On fees" if 10 <= number < 14 else f"Own words of {'x' * number}", number, 20)] for number in range(1, 41)
    }
    assert "On fees" not in kept(pages)
    assert len(kept(pages)) == 36


def written(lines: list[Line | Grid]) -> str:
    writer = BodyWriter()
    pdf_flow.write(lines, {}, writer)
    return writer.finish()[0]


def test_lines_become_paragraphs_items_and_words() -> None:
    body = written([
        line("The office is open on every working day of the week and also on the first Satur-", 1, 100),
        line("day of the month, except in August when it is closed for the whole of the month.", 1, 113),
        line("• Bring a photograph.", 1, 126),
        line("• Bring a letter.", 1, 139),
        line("Introduction ........ 12", 1, 170),
    ])  # fmt: skip
    assert body == (
        "The office is open on every working day of the week and also on the first Saturday of the month, except in August "
        "when it is closed for the whole of the month.\n\n- Bring a photograph.\n\n- Bring a letter."
    )


def test_scripts_without_spaces_are_joined_without_one() -> None:
    assert written([line("登记后即可免费看病" * 12, 1, 100), line("请带上登记卡" * 12, 1, 113)]).count(" ") == 0


def test_small_print_at_the_foot_does_not_cut_a_sentence() -> None:
    body = written([
        line("Whoever is refused may ask the court to look at the decision again and the court must then hear the", 1, 600),
        line("1 Law of 12 May, article 3.", 1, 700, size=8),
        line("person within ten days.", 2, 100),
    ])  # fmt: skip
    assert "must then hear the person within ten days.\n\n1 Law of 12 May" in body


def content(texts: Sequence[tuple[float, float, str]]) -> PageContent:
    glyphs = [
        Glyph(sign, x + 5 * place, top, x + 5 * place + 5, top + 10, 10, False)
        for x, top, text in texts
        for place, sign in enumerate(text)
    ]
    return PageContent(
        glyphs=glyphs, tables=[], hidden="", why_hidden="", turned=0, unknown=0, picture_share=0, width=600, height=800
    )


def test_a_list_with_numbers_is_no_pair_of_columns() -> None:
    rows = [(50, 100 + 13 * number, f"{number}.") for number in range(8)]
    rows += [(90, 100 + 13 * number, "A sentence that is long enough to be a column.") for number in range(8)]
    found = lay_out(content(rows), 1)[0]
    assert isinstance(found, Line)
    assert found.text == "0. A sentence that is long enough to be a column."


def test_three_columns_are_read_one_after_another() -> None:
    rows = [
        (x, 100 + 13 * number, f"{name} line {number} of the column.")
        for x, name in ((50, "one"), (230, "two"), (410, "six"))
        for number in range(6)
    ]
    found = [one.text.partition(" ")[0] for one in lay_out(content(rows), 1) if isinstance(one, Line)]
    assert found == ["one"] * 6 + ["two"] * 6 + ["six"] * 6
