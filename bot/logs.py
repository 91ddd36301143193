"""Logging: ids only, never words, names or tokens.

httpx prints the whole request address at INFO, and Telegram's address holds the token: it is kept at WARNING, and a filter
removes anything that looks like a token from every record all the same.
"""

import logging
import re
import sys
from typing import Any

from pythonjsonlogger.json import JsonFormatter

TOKEN = re.compile(r"\d{6,}:[A-Za-z0-9_-]{30,}")
NOISY = (
    "httpx",
    "httpcore",
    "telegram",
    "uvicorn",
    "alembic",
    "sqlalchemy",
    "sentence_transformers",
    "markdown_it",
    "asyncio",
    "faiss",
    "filelock",
)
STANDARD = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class Redact(logging.Filter):
    """Blanks bot tokens wherever they stand. Never raises: filters run outside logging's own protection."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = TOKEN.sub("<token>", _message(record)), ()
        return True


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - a badly written record must not stop its caller
        # Its arguments are left out: logging would print them as they are, and they may hold anything.
        return f"log record of {record.module}:{record.lineno} whose arguments do not fit"


class TextFormatter(logging.Formatter):
    """One line: time, level, event text, then the record's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        extra: dict[str, Any] = {name: value for name, value in record.__dict__.items() if name not in STANDARD}
        line = super().format(record)
        return TOKEN.sub("<token>", line + "".join(f" {name}={value}" for name, value in extra.items()))


class TokenFreeJson(JsonFormatter):
    """JSON, one object a line; a token in a traceback is blanked as well."""

    def format(self, record: logging.LogRecord) -> str:
        return TOKEN.sub("<token>", super().format(record))


def set_up(level: str, style: str) -> None:
    """Send our records to standard error; libraries only from WARNING on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Redact())
    if style == "json":
        handler.setFormatter(TokenFreeJson("%(asctime)s %(levelname)s %(name)s %(message)s"))
    else:
        handler.setFormatter(TextFormatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
