"""Peak memory of ``waypost knowledge add`` as the number of files grows: it should stay where it is.

    .venv/bin/python -m benchmarks.import_memory

Each folder is read, published and indexed by the command itself, in a process and a database of its own. Texts are made up,
about a page each; the encoder is the one for tests, so that the memory is that of reading, keeping and indexing. What an index
holds of each passage (vectors, words) must grow with them; the last column says how large that is. Prints a table.
"""

import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

FILES = (100, 400, 1_600, 6_400)
PARAGRAPHS = 6
WORDS = (
    "family",
    "visa",
    "border",
    "camp",
    "shelter",
    "water",
    "health",
    "passport",
    "school",
    "work",
    "permit",
    "office",
    "appointment",
    "document",
    "answer",
    "question",
    "person",
    "relative",
    "country",
    "officer",
    "interview",
    "form",
    "date",
    "address",
    "travel",
    "return",
    "support",
    "advice",
    "language",
    "child",
    "parent",
    "list",
)


def write_folder(folder: Path, files: int) -> None:
    """Write Markdown files of about a page."""
    chosen = random.Random(files)
    for number in range(files):
        paragraphs = (" ".join(chosen.choices(WORDS, k=60)).capitalize() + "." for _ in range(PARAGRAPHS))
        (folder / f"{number:05}.md").write_text(f"# Page {number}\n\n" + "\n\n".join(paragraphs), encoding="utf-8")


def peak_mb(place: Path, *arguments: str) -> float:
    """Run one command and return the most memory it held, in MB."""
    env = os.environ | {
        "WAYPOST_DATABASE__URL": f"sqlite:///{place / 'data' / 'w.db'}", "WAYPOST_INDEX_DIR": str(place / "index"),
        "WAYPOST_KEYS__FILE": str(place / "keys" / "key.json"), "WAYPOST_ENCODER__MODEL": "hash",
    }  # fmt: skip
    command = [str(Path(sys.executable).with_name("waypost")), *arguments]
    running = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert running.stderr is not None
    said = running.stderr.read()
    _, status, usage = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        sys.exit(said.decode())
    return usage.ru_maxrss / 1024


def main() -> None:
    print("| files | peak MB, add | of it the index on disk, MB |\n|--:|--:|--:|")
    for files in FILES:
        with tempfile.TemporaryDirectory(prefix="waypost-") as folder:
            place = Path(folder)
            for name in ("data", "keys", "files"):
                (place / name).mkdir()
            write_folder(place / "files", files)
            peak_mb(place, "db", "upgrade")
            peak = peak_mb(place, "knowledge", "add", str(place / "files"), "--collection", "made", "--audience", "public")
            held = sum(path.stat().st_size for path in (place / "index").rglob("*") if path.is_file()) / 2**20
            print(f"| {files:,} | {peak:.0f} | {held:.1f} |", flush=True)


if __name__ == "__main__":
    main()
