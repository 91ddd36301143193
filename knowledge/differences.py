"""What changed between two wordings of a document: its head field by field, its words line by line."""

import difflib
from collections.abc import Iterator, Sequence

from knowledge.history import PENDING, Version, numbered

HEAD = (
    "title", "language", "audience", "kind", "authority", "effective_from", "effective_until", "checked", "review_due", "owner",
    "reviewed_by", "sensitivity", "time_sensitive", "depends_on", "translation_of", "supersedes", "sources", "concerns",
)  # fmt: skip


def to_compare(versions: Sequence[Version], old: int | None, new: int | None) -> tuple[Version, Version] | None:
    """Return the two versions meant; None when there is only one.

    Where none is named: what is published against the newest that waits for an editor, else the one before against what is
    published.

    Raises:
        UnknownDocument: there is no such version.
    """
    present = next((one for one in reversed(versions) if one.status in ("published", "expired")), versions[-1])
    pending = next((one for one in reversed(versions) if one.status in PENDING and one.number > present.number), present)
    right = pending if new is None else numbered(versions, new)
    if old is not None:
        return numbered(versions, old), right
    before = present if right is not present else next((one for one in reversed(versions) if one.number < right.number), None)
    return (before, right) if before else None


def difference(old: Version, new: Version, *, old_body: str, new_body: str) -> Iterator[str]:
    """Yield the fields that changed, then the words as a unified diff; nothing when both say the same."""
    for name in HEAD:
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield f"- {name}: {_shown(before)}"
            yield f"+ {name}: {_shown(after)}"
    names = (f"version {old.number} ({old.status})", f"version {new.number} ({new.status})")
    yield from difflib.unified_diff(old_body.splitlines(), new_body.splitlines(), *names, lineterm="")


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(getattr(one, "url", str(one)) for one in value) or "none"
    return "none" if value in (None, "") else str(value)
