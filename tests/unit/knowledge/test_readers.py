"""Folders of documents: what is found out, what is a problem, and that the library on disk has none."""

from pathlib import Path

import pytest

import knowledge
from knowledge.passages import Audience
from knowledge.readers import MAX_BYTES, ReadReport, read_folder

LIBRARY = Path(knowledge.__file__).parent / "library"


def read(folder: Path, *, language: str | None = None, curated: bool = False) -> ReadReport:
    return read_folder(folder, collection="own", audience=Audience.PUBLIC, language=language, curated=curated)


@pytest.mark.parametrize(("collection", "audience"), [("pathways", Audience.PUBLIC), ("manual", Audience.STAFF)])
def test_the_library_on_disk_has_no_problems(collection: str, audience: Audience) -> None:
    report = read_folder(LIBRARY / collection, collection=collection, audience=audience, curated=True)
    assert [str(problem) for problem in report.problems] == []
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
    (tmp_path / "table.csv").write_text("1,2")
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
    (tmp_path / "large.txt").write_bytes(b"x" * (MAX_BYTES + 1))
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
