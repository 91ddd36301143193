"""Readers that do what hostile files make parsers do; the worker process imports them from here."""

import os
import signal
import time
from pathlib import Path

from knowledge.reading.kinds import Kind
from knowledge.reading.original import Beat, Original, Unreadable


def obedient(path: Path, beat: Beat) -> Original:
    """Do what the file says."""
    match path.read_text(encoding="utf-8").split():
        case ["%PDF-", "hang"]:
            time.sleep(60)
        case ["%PDF-", "crash"]:
            os.kill(os.getpid(), signal.SIGSEGV)
        case ["%PDF-", "leave"]:
            os._exit(3)
        case ["%PDF-", "eat"]:
            return Original(body="x" * 2**30)
        case ["%PDF-", "dig"]:
            return obedient(path, beat)
        case ["%PDF-", "stumble"]:
            raise ZeroDivisionError
        case ["%PDF-", "refuse"]:
            raise Unreadable("is not liked: send another")
        case ["%PDF-", "plod"]:
            for _ in range(8):
                time.sleep(0.25)
                beat()
        case ["%PDF-", "plod", "on"]:
            while True:
                time.sleep(0.1)
                beat()
    return Original(body=f"read by {os.getpid()}")


READERS = {Kind.PDF: obedient}
