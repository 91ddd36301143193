"""What an index was built from, so that it is never searched with other encoders or with damaged files."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from knowledge.errors import IndexCorrupt, IndexMissing
from knowledge.index.encoder import Names
from knowledge.index.words import EDITION

CURRENT = "current"
VERSIONS = "versions"
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One built index."""

    version: str
    encoder: str
    second: str | None
    """Name of the encoder beside the first."""
    taught: str | None
    """Name of the first encoder as it was taught to tell entries apart."""
    terms: int
    """Edition of the rules by which texts are cut into terms and letters, see ``words``."""
    vectors: str
    """Where the vectors lie: ``faiss`` or ``pgvector``."""
    parts: list[str]
    """Which vectors there are: ``public.first``, …"""
    corpus_hash: str
    counts: dict[str, int]
    """Passages by audience."""
    files: dict[str, str]
    """File name → sha256."""
    built_at: datetime

    @property
    def passages(self) -> int:
        """Passages of all audiences."""
        return sum(self.counts.values())

    def made_by(self, names: Names) -> bool:
        """Return whether questions put into vectors and terms here and now can be compared with what the index holds."""
        return (self.encoder, self.second, self.taught, self.terms) == (*names, EDITION)

    def fits(self, names: Names, vectors: str, corpus_hash: str) -> bool:
        """Return whether a build by these encoders, with vectors kept there, would make the same index again."""
        return self.made_by(names) and (self.vectors, self.corpus_hash) == (vectors, corpus_hash)

    def save(self, folder: Path) -> None:
        """Write ``manifest.json`` into a version's folder."""
        content = {**asdict(self), "built_at": self.built_at.isoformat()}
        (folder / MANIFEST).write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def load_current(index_dir: Path) -> Manifest:
    """Read the manifest of the version that serves.

    Raises:
        IndexMissing: nothing was built yet.
        IndexCorrupt: the version named is not there or not readable.
    """
    try:
        version = (index_dir / CURRENT).read_text(encoding="utf-8").strip()
    except FileNotFoundError as exc:
        raise IndexMissing(f"No index in {index_dir}: run `make setup` or `waypost knowledge build`") from exc
    except (OSError, UnicodeDecodeError) as exc:
        raise IndexCorrupt(f"{index_dir / CURRENT} cannot be read: run `waypost knowledge build`") from exc
    try:
        raw = json.loads((index_dir / VERSIONS / version / MANIFEST).read_text(encoding="utf-8"))
        manifest = Manifest(**{**raw, "built_at": datetime.fromisoformat(raw["built_at"]).astimezone(UTC)})
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise IndexCorrupt(f"The manifest of index {version!r} cannot be read: run `waypost knowledge build`") from exc
    if not version or manifest.version != version:
        raise IndexCorrupt(f"The manifest of index {version!r} is of another version: run `waypost knowledge build`")
    return manifest


def sha256_of(path: Path) -> str:
    """Return the hash of a file.

    Raises:
        IndexCorrupt: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as exc:
        raise IndexCorrupt(f"The index file {path.name} cannot be read: run `waypost knowledge build`") from exc
