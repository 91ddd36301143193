"""The command ``waypost``: commands, exit codes and printing; no logic.

Results go to standard output, everything else to standard error. Exit status: 0 done, 1 a check failed, 2 usage, 3 settings,
4 a service is unreachable. Heavy libraries are imported by the commands that need them, so that ``--help`` stays quick.
"""

import sys

from bot.cli import care, desk, library, measure, run, talk
from bot.cli.group import cli
from bot.domain.errors import Conflict, InvalidInput, Unavailable, WaypostError
from knowledge.errors import KnowledgeError
from policies import PolicyError

EXIT_CHECK_FAILED, EXIT_SETTINGS, EXIT_UNREACHABLE = 1, 3, 4

for module in (run, talk, library, measure, desk, care):
    module.register(cli)


def main() -> None:
    """Run the command line; operators see one line for an expected failure, ``--debug`` shows where it came from."""
    try:
        cli.main(prog_name="waypost", standalone_mode=True)
    except (WaypostError, KnowledgeError, PolicyError) as exc:
        if "--debug" in sys.argv:
            raise
        sys.stderr.write(f"waypost: {exc}\n")
        sys.exit(exit_code(exc))


def exit_code(exc: Exception) -> int:
    """Return the exit status of an expected failure."""
    if isinstance(exc, Unavailable):
        return EXIT_UNREACHABLE
    return EXIT_SETTINGS if isinstance(exc, InvalidInput | KnowledgeError | PolicyError | Conflict) else EXIT_CHECK_FAILED
