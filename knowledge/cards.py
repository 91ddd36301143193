"""Fixed emergency cards and the few emergency numbers that are confirmed.

Cards are read once at start and kept in memory: they must work when the database, the index and every model are down.
A card that no native reviewer has signed also carries the English one below it.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from knowledge.errors import KnowledgeError
from knowledge.frontmatter import Language, SourceHead, Text

CARDS = "cards"
DEFAULT_FOLDER = Path(__file__).parent / "library" / CARDS
GENERIC = "generic"


class CardHead(BaseModel):
    """Front matter of a card."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    category: Text
    language: Language
    owner: Text
    reviewed_by: list[Text]
    version: int
    checked: date
    sources: list[SourceHead]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    category: str
    language: str
    text: str
    reviewed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyNumber:
    """One row of the number table."""

    countries: frozenset[str]
    """ISO 3166-1 alpha-2 codes."""
    service: str
    number: str
    checked: date


class CardBox:
    """All cards and numbers."""

    def __init__(self, cards: list[Card], numbers: list[EmergencyNumber]) -> None:
        self._cards = {(card.category, card.language): card for card in cards}
        self._numbers = numbers
        if (GENERIC, "en") not in self._cards:
            raise KnowledgeError("The generic English emergency card is missing: restore knowledge/library/cards/en/generic.md")

    @classmethod
    def load(cls, folder: Path = DEFAULT_FOLDER) -> "CardBox":
        """Read every card below ``folder`` (``<language>/<category>.md``) and ``numbers.yaml``.

        Raises:
            KnowledgeError: a file cannot be read; names it.
        """
        cards = [_card(path) for path in sorted(folder.glob("*/*.md"))]
        return cls(cards, _read_numbers(folder / "numbers.yaml"))

    def card(self, category: str | None, language: str) -> Card:
        """Return the nearest card: the category's own, else the generic one; in ``language``, else English."""
        for wanted in ((category or GENERIC, language), (GENERIC, language), (category or GENERIC, "en")):
            if wanted in self._cards:
                return self._cards[wanted]
        return self._cards[GENERIC, "en"]

    def text(self, category: str | None, language: str) -> str:
        """Return what a person is shown: the card, and the English one below it while it is unreviewed."""
        card = self.card(category, language)
        if card.reviewed or card.language == "en":
            return card.text
        return f"{card.text}\n\n—\n{self.card(category, 'en').text}"

    def number(self, country: str) -> str | None:
        """Return the confirmed emergency number of a country (ISO 3166-1 alpha-2), or None."""
        return next((row.number for row in self._numbers if country in row.countries), None)

    def unreviewed(self) -> list[Card]:
        """Return the cards no reviewer has signed."""
        return [card for card in self._cards.values() if not card.reviewed]


def read_card(path: Path) -> tuple[CardHead, str]:
    """Return a card's head and text.

    Raises:
        KnowledgeError: the file cannot be read, or is no card.
    """
    try:
        _, head, body = path.read_text(encoding="utf-8").split("---\n", 2)
        return CardHead.model_validate(yaml.safe_load(head)), body.strip()
    except (OSError, ValueError, yaml.YAMLError) as exc:
        wrong = f"{exc.errors()[0]['loc']}: {exc.errors()[0]['msg']}" if isinstance(exc, ValidationError) else exc
        raise KnowledgeError(f"Emergency card {path} cannot be read: {wrong}; compare it with cards/en/generic.md") from exc


def _card(path: Path) -> Card:
    head, text = read_card(path)
    return Card(category=head.category, language=head.language, text=text, reviewed=bool(head.reviewed_by))


def _read_numbers(path: Path) -> list[EmergencyNumber]:
    try:
        rows = yaml.safe_load(path.read_text(encoding="utf-8"))["numbers"]
        return [
            EmergencyNumber(
                countries=frozenset(row["countries"]), service=row["service"], number=str(row["number"]), checked=row["checked"]
            )
            for row in rows
        ]
    except (OSError, KeyError, TypeError, yaml.YAMLError) as exc:
        raise KnowledgeError(f"The table of emergency numbers {path} cannot be read: {exc}") from exc
