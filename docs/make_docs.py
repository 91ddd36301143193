"""Write what is generated: .env.example, docs/cli.md from --help, who may open what in the console, the coverage of the library.

With --check, say what is not current.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import click
import library_coverage

from bot import settings
from bot.cli.group import cli
from bot.console import matrix
from knowledge.starter import read_library

ROOT = Path(__file__).resolve().parent.parent
HEAD = """\
# The command `waypost`

Generated from `--help` by `make docs`. Results go to standard output, everything else to standard error.
"""


def generated() -> dict[Path, str]:
    """Return the text every generated file should have."""
    docs, library = ROOT / "docs", read_library()
    return {
        ROOT / ".env.example": settings.example(),
        docs / "console-access.md": matrix.page(),
        docs / "cli.md": HEAD + "".join(_pages(cli, None, "waypost")),
        docs / "library.md": library_coverage.page(library),
        docs / "img" / "library-coverage.svg": library_coverage.picture(library),
    }


def _pages(command: click.Command, parent: click.Context | None, name: str) -> Iterator[str]:
    """Yield the help of ``command``, then of those below it, as sections."""
    context = click.Context(command, info_name=name, parent=parent, **{**command.context_settings, "terminal_width": 79})
    path = context.command_path
    text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    yield f"\n{'#' * (path.count(' ') + 2)} {path}\n\n```text\n{text}\n```\n"
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            assert found is not None
            yield from _pages(found, context, below)


def main() -> int:
    """Write every generated file, or compare it."""
    stale = [path for path, text in generated().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if "--check" not in sys.argv:
            path.write_text(generated()[path], encoding="utf-8")
        print(f"{path.relative_to(ROOT)} {'is stale: make docs' if '--check' in sys.argv else 'written'}")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
