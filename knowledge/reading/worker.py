"""Read files of hostile formats in a process of their own, so that one that hangs, crashes or eats memory costs one row.

The process is started at the first such file, reads one file at a time and is replaced when it dies or is too slow. It is a fresh
interpreter: a fork would keep the locks of the bot's threads for ever, and what multiprocessing spawns runs the caller's script
again. It is a limit for accidents and bombs, no sandbox: it runs as the same user.
"""

import logging
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Self

from knowledge.reading.kinds import Kind
from knowledge.reading.original import Beat, Original, Reader, Unreadable

TIMEOUT_S = 120.0
"""Seconds without a sign of life: for a whole DOCX or HTML file, or for one page of a PDF."""
WHOLE_S = 1_800.0
"""Seconds for a whole file; 2,000 dense pages take about five minutes."""
MEMORY_BYTES = 4 * 2**30
"""Address space of the process."""

FILES_EACH = 200
"""Files after which the process is replaced: parsers keep caches, and memory must not grow with the number of files."""

_CHILD = "import sys; sys.path[:] = {path!r}; from knowledge.reading.worker import serve; serve({pipe}, {memory}, {whole})"


@dataclass(frozen=True, slots=True)
class _Failed:
    reason: str


class Workshop:
    """One worker process, started when it is needed; a context manager, so that none is left behind."""

    def __init__(
        self,
        readers: Mapping[Kind, Reader],
        *,
        timeout_s: float = TIMEOUT_S,
        whole_s: float = WHOLE_S,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        self._readers, self._timeout_s, self._whole_s, self._memory_bytes = dict(readers), timeout_s, whole_s, memory_bytes
        self._files = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def read(self, path: Path, kind: Kind) -> Original:
        """Return what the reader of this kind makes of a file.

        Raises:
            Unreadable: the reader's reason, or how it ended.
        """
        if self._files >= FILES_EACH:
            self.close()
        self._files += 1
        try:
            pipe = self._pipe or self._start()
            pipe.send((kind, path))
            answer = self._answer(pipe)
        except (EOFError, ConnectionError) as exc:
            raise Unreadable(f"stopped its reader ({self._ending()}): it is damaged or hostile, save it again") from exc
        if isinstance(answer, _Failed):
            raise Unreadable(answer.reason)
        return answer

    def _answer(self, pipe: Connection) -> Original | _Failed:
        """Wait for the end, as long as there are signs of life."""
        ends = time.monotonic() + self._whole_s
        while pipe.poll(min(self._timeout_s, max(ends - time.monotonic(), 0))):
            answer: Original | _Failed | None = pipe.recv()
            if answer is not None:
                return answer
        self.close()
        return _Failed("took too long: divide it, or save it again in another program")

    def close(self) -> None:
        """End the process; it holds nothing that could be lost."""
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._pipe = self._process = None
        self._files = 0

    def _start(self) -> Connection:
        ours, theirs = Pipe()
        code = _CHILD.format(path=sys.path, pipe=theirs.fileno(), memory=self._memory_bytes, whole=ceil(self._whole_s))
        # Nothing of a document is in the command: it is this interpreter, our own module, and numbers.
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", code], pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        theirs.close()
        self._pipe = ours
        ours.send(self._readers)
        ours.recv()  # it is ready: what a busy machine takes to start it is not counted against the file
        return ours

    def _ending(self) -> str:
        assert self._process is not None
        try:
            code = self._process.wait(1)
        except subprocess.TimeoutExpired:
            code = None
        self.close()
        return signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"


def serve(pipe_number: int, memory_bytes: int, whole_s: int) -> None:
    """Answer, in the process of its own, until the other side closes its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for the command, which then ends this process
    logging.disable(logging.CRITICAL)  # parsers complain about every crooked object; one row says it all
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(5)  # a bot that answers people goes first
    pipe = Connection(pipe_number)
    readers: Mapping[Kind, Reader] = pipe.recv()
    pipe.send(None)
    while True:
        try:
            kind, path = pipe.recv()
        except EOFError:
            return
        signal.alarm(whole_s + 1)  # ends this process even if the other one was killed and cannot
        pipe.send(_answer(readers[kind], path, lambda: pipe.send(None)))
        signal.alarm(0)


def _answer(read: Reader, path: Path, beat: Beat) -> Original | _Failed:
    try:
        return read(path, beat)
    except Unreadable as exc:
        return _Failed(str(exc))
    except MemoryError:
        return _Failed("needs more memory than a document may take: divide it")
    except RecursionError:
        return _Failed("is nested too deep to be read: save it again in another program")
    except OSError as exc:
        return _Failed(f"cannot be read: {exc.strerror or exc}")
    except Exception as exc:  # noqa: BLE001 - the outermost loop of this process: whatever a parser throws is one row
        return _Failed(f"cannot be read, it is damaged ({type(exc).__name__}): open it and save it again")
