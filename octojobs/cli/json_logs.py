"""Log lines as JSON: one object a line, whatever is in it, with the fields that docs/metrics.md names."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any


class JsonLine(logging.Formatter):
    """`at`, `level`, `logger`, `event` ("log" where a line is only a sentence), `message`, and what the event has to say."""

    def format(self, record: logging.LogRecord) -> str:
        """One line: JSON writes a newline in a text as two characters, and everything beyond ASCII as ASCII."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": "log",
            "message": record.getMessage(),
            **getattr(record, "told", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)
