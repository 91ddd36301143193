"""What people write, by language and intent: the files NLU is trained on, read as data."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

EXAMPLE = "      - "
"""How a line with an utterance begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """One line of a file ``<language>/<intent>.yml``."""

    language: str
    intent: str
    text: str


def read_utterances(folder: Path) -> Iterator[Utterance]:
    """Yield every utterance below ``folder``, by language and intent as the files stand; none where there is no folder."""
    for file in sorted(folder.glob("*/*.yml")):
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith(EXAMPLE):
                yield Utterance(language=file.parent.name, intent=file.stem, text=line.removeprefix(EXAMPLE).strip())
