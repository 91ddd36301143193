"""The authorization matrix as a page of the docs: made from the rules themselves, so that it cannot say anything else."""

from bot.console.pages import OPEN_PAGES, PAGES
from bot.domain.people import DeskRole

HEAD = """\
# Who may open what in the console

Made by `make docs` from the list of pages in `bot/console/pages.py`; a test tries every page with every role. What a page shows
of a case is decided once more: of a sealed case caseworkers are told nothing, supervisors that it is there, focal points its
words; whoever two people let in reads it for an hour. Roles are looked up with every request.

"""


def page() -> str:
    """Return the matrix as Markdown."""
    names = [role.value.replace("_", " ") for role in DeskRole]
    lines = [f"| page | {' | '.join(names)} |", f"| --- |{' :-: |' * len(names)}"]
    for one in PAGES:
        cells = " | ".join("yes" if role in one.roles else "–" for role in DeskRole)
        lines.append(f"| {one.method} `{one.path}` | {cells} |")
    lines += ["", "Without signing in: " + ", ".join(f"{one.method} `{one.path}`" for one in OPEN_PAGES) + ", and `/static`."]
    return HEAD + "\n".join(lines) + "\n"
