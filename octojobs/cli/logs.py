"""Log lines on standard error: one line each, whatever is in them."""

from __future__ import annotations

import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import TextIO

from octojobs.cli.text import visible


class _Line(logging.Formatter):
    """`2026-11-20T10:00:00Z warning text` for a daemon, `octojobs: text` for a verb that a person waits for."""

    def __init__(self, *, dated: bool) -> None:
        super().__init__()
        self._dated = dated

    def format(self, record: logging.LogRecord) -> str:
        text = visible(record.getMessage() + _mistake(record))
        if not self._dated:
            return f"octojobs: {text}"
        at = datetime.fromtimestamp(record.created, UTC)
        return f"{at:%Y-%m-%dT%H:%M:%SZ} {record.levelname.lower()} {text}"


def _mistake(record: logging.LogRecord) -> str:
    """What a mistake of ours was, and where; all of its traceback is in the log for programs."""
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return ""
    where = "".join(f" ({frame.filename}:{frame.lineno})" for frame in traceback.extract_tb(error.__traceback__)[-1:])
    return f": {type(error).__name__}: {error}{where}"


class _Handler(logging.StreamHandler[TextIO]):
    """What can't be written (the log lies on a full disk) is left out: Python would write a traceback of it, in pieces."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 -- logging's name
        return


def log_to_stderr(*, daemon: bool = False, as_json: bool = False, waits: bool = False) -> None:
    """Send octojobs' own log to standard error: everything of a daemon, warnings of a verb; in sentences, or for programs all of it.

    With `waits` a verb says for which guards a run waits, too: a person sits before it.
    """
    handler = _Handler(sys.stderr)
    handler.setFormatter(_json_line() if as_json else _Line(dated=daemon))
    logger = logging.getLogger("octojobs")
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO if daemon or as_json else logging.WARNING)
    logger.propagate = False
    logging.getLogger("octojobs.guards").setLevel(logging.INFO if waits else logging.NOTSET)


def _json_line() -> logging.Formatter:
    from octojobs.cli.json_logs import JsonLine  # lazily: few ask for it

    return JsonLine()
