"""Folders of documents: what is found out, what is a problem, and that the library on disk has none."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import knowledge
from knowledge.passages import Audience
from knowledge.reading import ReadReport, read_all, read_folder
from knowledge.reading.kinds import MAX_BYTES, Kind

LIBRARY = Path(knowledge.__file__).parent / "library"


def read(folder: Path, *, language: str | None = None, curated: bool = False) -> ReadReport:
    return read_all(folder, collection="own", audience=Audience.PUBLIC, language=language, curated=curated)


@pytest.mark.parametrize(("collection", "audience"), [("pathways", Audience.PUBLIC), ("manual", Audience.STAFF)])
def test_the_library_on_disk_has_no_problems(collection: str, audience: Audience) -> None:
    report = read_all(LIBRARY / collection, collection=collection, audience=audience, curated=True)
    assert [str(problem) for problem in report.problems] == []
    assert [document.path for document in report.documents if document.concerns] == []
    assert report.documents
    assert all(document.path == f"{document.language}/{Path(document.path).name}" for document in report.documents)


def test_own_files_need_no_front_matter(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "hours.md").write_text("# Opening *hours*\r\n\r\nThe office is open every morning of the week.\r\n")
    (tmp_path / "a.txt").write_text("L'enregistrement des enfants est gratuit et se fait à la mairie.", encoding="utf-8-sig")
    (tmp_path / "አማርኛ.txt").write_text("የቤተሰብ መልሶ መገናኘት ሂደት ነፃ ነው።")
    (tmp_path / "ar.txt").write_text("لم شمل الأسرة مجاني، والحكومة هي التي تقرر.")
    (tmp_path / "README.md").write_text("about this folder")
    (tmp_path / ".hidden.md").write_text("not for people")
    (tmp_path / "~$hours.docx").write_text("open in Word")
    (tmp_path / "notes.yaml").write_text("a: b")
    report = read(tmp_path)
    assert report.problems == ()
    assert [(found.path, found.title, found.language, found.checked) for found in report.documents] == [
        ("a.txt", "a", "fr", None),
        ("ar.txt", "ar", "ar", None),
        ("b/hours.md", "Opening hours", "en", None),
        ("አማርኛ.txt", "አማርኛ", "am", None),
    ]
    assert "\r" not in report.documents[2].body
    assert {found.language for found in read(tmp_path, language="sw").documents} == {"sw"}


def test_bad_files_are_problems_and_the_others_are_read(tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text("Registration is free for everybody.")
    (tmp_path / "empty.md").write_text(" \n")
    (tmp_path / "latin1.txt").write_bytes(b"first line\nN\xe4he\n")
    (tmp_path / "large.txt").write_bytes(b"x" * (MAX_BYTES[Kind.TEXT] + 1))
    (tmp_path / "zero.txt").write_bytes(b"a\n\0")
    (tmp_path / "head.md").write_text("---\ntitle: x\nwrong: y\n---\ntext\n")
    (tmp_path / "secret.md").write_text("---\naudience: staff\n---\ntext\n")
    report = read(tmp_path)
    assert [document.path for document in report.documents] == ["good.txt"]
    assert [str(problem).partition(": ")[0] for problem in report.problems] == [
        "empty.md:1", "head.md:3 wrong", "large.txt:1", "latin1.txt:2", "secret.md:2 audience", "zero.txt:2",
    ]  # fmt: skip


def test_a_rule_at_the_top_is_no_front_matter(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("---\nA line between rules.\n---\nMore text in English.\n")
    report = read(tmp_path)
    assert report.documents[0].body.startswith("---\nA line")


def test_curated_files_need_everything_and_listed_hosts(tmp_path: Path) -> None:
    (tmp_path / "none.md").write_text("text")
    sample = (LIBRARY / "pathways" / "en" / "P08-family-reunification.md").read_text()
    (tmp_path / "copy.md").write_text(sample.replace("https://help.unhcr.org/global", "https://help-unhcr.example/global"))
    report = read(tmp_path, curated=True)
    assert report.documents == ()
    assert [str(problem).partition(": ")[0] for problem in report.problems] == ["copy.md:9 sources.0.url", "none.md:1"]


def test_the_hash_is_of_the_content_not_of_the_place(tmp_path: Path) -> None:
    for name in ("a.md", "b.md"):
        (tmp_path / name).write_text("# One title\n\nThe same words.\n")
    first, second = read(tmp_path).documents
    assert first.sha256 == second.sha256 != ""
    (tmp_path / "b.md").write_text("# One title\n\nOther words.\n")
    assert read(tmp_path).documents[1].sha256 != first.sha256


def texts(found: Iterable[object]) -> list[str]:
    return [str(one) for one in found]


def test_a_sidecar_carries_the_head_and_its_problems_name_it(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.html").write_text("<!DOCTYPE html><p>Registration is free for everybody.</p>")
    (tmp_path / "a.html.yaml").write_text("# the head\ntitle: Registration\nauthority: law\neffective_until: 2031-01-01\n")
    (tmp_path / "b.html.yaml").write_text("title: x\nwrong: y\naudience: staff\n")
    (tmp_path / "c.html.yaml").write_text("title: x\naudience: staff\n")
    (tmp_path / "d.pdf.yaml").write_text("title: x\n")
    (tmp_path / "e.md").write_text("Text of its own.\n")
    (tmp_path / "e.md.yaml").write_text("title: x\n")
    report = read(tmp_path)
    assert [(one.path, one.title, one.authority) for one in report.documents] == [
        ("a.html", "Registration", "law"), ("e.md", "e", "guidance"),
    ]  # fmt: skip
    assert [text.partition(":")[0] + ":" + text.split(":")[1] for text in texts(report.problems)] == [
        "b.html.yaml:2 wrong", "c.html.yaml:2 audience", "d.pdf.yaml:1", "e.md.yaml:1",
    ]  # fmt: skip


def test_a_curated_page_needs_a_sidecar(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<!DOCTYPE html><p>Registration is free.</p>")
    assert "put the keys" in texts(read(tmp_path, curated=True).problems)[0]


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "secret.md"
    (inside / "sub").mkdir(parents=True)
    outside.write_text("Not for publication.")
    (inside / "sub" / "own.md").write_text("Registration is free.")
    (inside / "away.md").symlink_to(outside)
    (inside / "gone.md").symlink_to(tmp_path / "nothing.md")
    (inside / "loop").symlink_to(inside)
    (inside / "same.md").symlink_to(inside / "sub" / "own.md")
    report = read(inside)
    assert [document.path for document in report.documents] == ["same.md", "sub/own.md"]
    assert texts(report.problems) == [
        "away.md:1: is a link out of the folder: put the file itself here",
        "gone.md:1: is a link out of the folder: put the file itself here",
        "loop:1: is a link to a folder: its files are read where they are, remove the link",
    ]


def test_what_is_no_document_is_told_once_with_the_remedy(tmp_path: Path) -> None:
    for name in ("old.doc", "sheet.xlsx", "photo.JPG", "data.csv", "prog.exe", "plain"):
        (tmp_path / name).write_bytes(b"x")
    for name in ("Thumbs.db", ".DS_Store", "desktop.ini"):
        (tmp_path / name).write_bytes(b"x")
    assert [text.replace("is not read: ", "") for text in texts(read(tmp_path).problems)] == [
        "data.csv:1: save the sheets that matter as tables of a DOCX file",
        "old.doc:1: save it as PDF or DOCX",
        "photo.JPG:1: a picture: run text recognition on it and add the PDF or text",
        "plain:1: Waypost reads PDF, DOCX, HTML, Markdown and text",
        "prog.exe:1: Waypost reads PDF, DOCX, HTML, Markdown and text",
        "sheet.xlsx:1: save the sheets that matter as tables of a DOCX file",
    ]


def test_a_file_that_is_too_large_is_not_opened(tmp_path: Path) -> None:
    for kind, suffix in ((Kind.PDF, "pdf"), (Kind.DOCX, "docx"), (Kind.HTML, "html")):
        with (tmp_path / f"large.{suffix}").open("wb") as file:
            file.truncate(MAX_BYTES[kind] + 1)  # a hole: no byte is written
    assert {problem.text for problem in read(tmp_path).problems} == {"is larger than 50 MB: divide it"}


def test_a_name_that_is_no_text_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"n\xe4he.md")).write_text("Registration is free.")
    assert texts(read(tmp_path).problems) == ["n\ufffdhe.md:1: has a name that is not UTF-8: rename it"]


def test_the_stream_reads_a_file_when_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("The first.")
    (tmp_path / "b.md").write_text("The second.")
    stream = read_folder(tmp_path, collection="own", audience=Audience.PUBLIC)
    assert next(stream).path == "a.md"
    (tmp_path / "b.md").write_text("")
    assert next(stream).problems[0].text.startswith("is empty")


GOOD = {
    "a.md": b"# Hours\n\nOpen every day.",
    "b.txt": "Семья может подать заявление.".encode(),
    "sub/c.html": b"<!DOCTYPE html><p>Registration is free for everybody.</p>",
    "sub.d/e.markdown": b"One | two",
    "sub-x.txt": b"\xff\xfeH\0i\0",
}
BAD = {
    "a2.md": b"\xff\xfe\xff",
    "b.pdf": b"<!DOCTYPE html><p>x</p>",
    "sub/c.pdf": b"%PDF-1.7 and no more",
    "sub/d.docx": b"PK\x03\x04 and no more",
    "e.html": b"no tags at all",
    "f.html": b"<!DOCTYPE html><script>x</script>",
    "z.doc": b"\xd0\xcf\x11\xe0",
    "y.md": b"---\ntitle: [[[[\n---\nx",
    "x.md": b"---\na: " + b"[" * 5000 + b"\n---\nx",
}


@settings(max_examples=10, deadline=None)
@given(st.sets(st.sampled_from(sorted(GOOD))), st.sets(st.sampled_from(sorted(BAD))))
def test_every_good_file_is_a_document_and_every_bad_one_a_row(good: set[str], bad: set[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, content in [*((path, GOOD[path]) for path in good), *((path, BAD[path]) for path in bad)]:
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_bytes(content)
        found = list(read_folder(folder, collection="own", audience=Audience.PUBLIC))
    assert [one.path for one in found] == sorted(good | bad)
    assert {one.path for one in found if one.document} == good
    assert {one.path for one in found if one.problems} == bad
