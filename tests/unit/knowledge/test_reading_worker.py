"""The process that reads hostile formats: whatever happens in it is one row, and the next file is read."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from knowledge.passages import Audience
from knowledge.reading import Workshop, read_folder
from knowledge.reading.kinds import Kind
from knowledge.reading.original import Unreadable
from support.hostile_readers import READERS


@pytest.fixture
def workshop() -> Iterator[Workshop]:
    with Workshop(READERS, timeout_s=1, whole_s=3, memory_bytes=2**29) as opened:
        yield opened


def says(tmp_path: Path, *words: str) -> Path:
    path = tmp_path / f"{'-'.join(words) or 'good'}.pdf"
    path.write_text(" ".join(("%PDF-", *words)))
    return path


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ("hang", "took too long"),
        ("plod on", "took too long"),
        ("crash", "stopped its reader (SIGSEGV)"),
        ("leave", "stopped its reader (exit code 3)"),
        ("eat", "needs more memory"),
        ("dig", "is nested too deep"),
        ("stumble", "is damaged (ZeroDivisionError)"),
        ("refuse", "is not liked: send another"),
    ],
)
def test_a_hostile_file_is_a_reason_and_the_next_one_is_read(workshop: Workshop, tmp_path: Path, order: str, reason: str) -> None:
    with pytest.raises(Unreadable) as caught:
        workshop.read(says(tmp_path, *order.split()), Kind.PDF)
    assert reason in str(caught.value)
    assert workshop.read(says(tmp_path), Kind.PDF).body.startswith("read by")


def test_one_process_reads_many_files_and_a_slow_one_that_shows_life_is_waited_for(workshop: Workshop, tmp_path: Path) -> None:
    bodies = {workshop.read(says(tmp_path, *order), Kind.PDF).body for order in ((), ("plod",), ())}
    assert len(bodies) == 1


def test_the_batch_goes_on(workshop: Workshop, tmp_path: Path) -> None:
    for order in ("hang", "crash", "leave"):
        says(tmp_path, order)
    says(tmp_path)
    found = list(read_folder(tmp_path, collection="own", audience=Audience.PUBLIC, workshop=workshop))
    assert [(one.path, one.document is not None) for one in found] == [
        ("crash.pdf", False), ("good.pdf", True), ("hang.pdf", False), ("leave.pdf", False),
    ]  # fmt: skip
