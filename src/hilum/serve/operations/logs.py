"""Logs: one JSON object a line on stderr, without anybody's or any study's identifiers.

Names, addresses and paths come to a message as its arguments. Of loggers that are not ours only the message's own words
are written, nothing where it comes already filled in, and of an error its kind and where it arose, not what it says.
"""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Any

OWN = ("hilum", "uvicorn")
"""Loggers whose arguments are known to hold no identifiers."""

CONFIGURATION: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "hilum.serve.operations.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "hilum": {"level": "INFO"},
        "uvicorn.error": {"level": "INFO"},
        # Every answer has its line already (`hilum.serve.operations.observe`); an exception is told once more, whole.
        "django.request": {"level": "ERROR"},
        "django": {"handlers": [], "level": "WARNING"},
    },
}


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[0] is not None:
            frames = traceback.extract_tb(record.exc_info[2])
            line["error"] = record.exc_info[0].__name__
            line["where"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        return json.dumps(line)


def _message(record: logging.LogRecord) -> str:
    if record.name.split(".")[0] in OWN:
        return record.getMessage()
    return str(record.msg) if record.args else ""
