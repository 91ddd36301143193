"""``python -m emulators``: the emulator as a process of its own, which survives the bot it serves.

Prints one line of JSON with the port and the addresses when it is ready. Ends on SIGTERM, on SIGINT, and when
standard input is a pipe that closes, so that a killed test run leaves nothing behind.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import stat
import sys
from pathlib import Path
from typing import Any

from emulators.control import ControlApi
from emulators.telegram import DEFAULT_TOKEN, Emulator


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m emulators", description="A local stand-in for the Telegram Bot API.")
    parser.add_argument("--port", type=int, default=0, help="0 chooses a free one (default)")
    parser.add_argument("--token", default=DEFAULT_TOKEN, help="the token that the bot will use")
    parser.add_argument("--bot-id", type=int, help="default: the number in the token")
    parser.add_argument("--state-file", type=Path, help="JSON: the addresses when ready, at the end also all that happened")
    parser.add_argument("--webhook-retry-s", type=float, default=0.05, help="first pause after a refused webhook call")
    options = parser.parse_args()
    return asyncio.run(_serve(options))


async def _serve(options: argparse.Namespace) -> int:
    emulator = Emulator(options.token, bot_id=options.bot_id, port=options.port, webhook_retry_s=options.webhook_retry_s)
    control = ControlApi(emulator)
    end = asyncio.Event()
    _end_on_signals(end)
    await emulator.start(extra_routes=control.routes())
    facts: dict[str, Any] = {
        "port": emulator.port,
        "base_url": emulator.base_url,
        "base_file_url": emulator.base_file_url,
        "control_url": f"http://127.0.0.1:{emulator.port}/control",
        "token": emulator.token,
        "pid": os.getpid(),
    }
    _write(options.state_file, facts)
    print(json.dumps(facts), flush=True)
    await _end_with_input(end)
    await emulator.stop()
    _write(options.state_file, facts | control.snapshot())
    return 0


def _end_on_signals(end: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)


async def _end_with_input(end: asyncio.Event) -> None:
    """Wait for ``end``, which is also set when a piped standard input closes; /dev/null does not count."""
    transport = None
    if stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode):
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: _EndAtEof(end), sys.stdin)
    await end.wait()
    if transport is not None:
        transport.close()


class _EndAtEof(asyncio.Protocol):
    def __init__(self, end: asyncio.Event) -> None:
        self._end = end

    def connection_lost(self, exc: Exception | None) -> None:
        self._end.set()


def _write(path: Path | None, content: dict[str, Any]) -> None:
    if path is not None:
        unfinished = path.with_name(path.name + ".new")
        unfinished.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
        unfinished.replace(path)


if __name__ == "__main__":
    raise SystemExit(main())
