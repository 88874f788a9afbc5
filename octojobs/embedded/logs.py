"""Where the log of an embedded scheduler goes: a file when one is named, standard error for a daemon that nobody else logs for."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from logging.handlers import WatchedFileHandler
from pathlib import Path

from octojobs.config.diagnostics import visible
from octojobs.errors import UsageError

LOGGER = logging.getLogger("octojobs")


class _Line(logging.Formatter):
    """`2026-11-20T10:00:00Z warning text`, one line each; the traceback of a program's own exception follows."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        line = f"{at:%Y-%m-%dT%H:%M:%SZ} {record.levelname.lower()} {visible(record.getMessage())}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


@contextmanager
def log_to_file(path: Path | None, level: str) -> Iterator[None]:
    """Set the level of octojobs' own log, and write it to a file as well, until the block ends. Raises UsageError.

    The file may be rotated by renaming it.
    """
    with _handled(_file(path) if path is not None else logging.NullHandler()):
        before = LOGGER.level
        LOGGER.setLevel(level)
        try:
            yield
        finally:
            LOGGER.setLevel(before)


@contextmanager
def log_to_stderr(*, unless_logged: bool) -> Iterator[None]:
    """Write the log to standard error until the block ends; with `unless_logged` only if nothing takes it yet."""
    logged = any(not isinstance(handler, logging.NullHandler) for logger in (LOGGER, LOGGER.root) for handler in logger.handlers)
    with _handled(logging.NullHandler() if logged and unless_logged else logging.StreamHandler(sys.stderr)):
        yield


def _file(path: Path) -> logging.Handler:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return WatchedFileHandler(path, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise UsageError(f"can't write the log {path}: {os.strerror(error.errno or 0)}", "name another log_file") from None


@contextmanager
def _handled(handler: logging.Handler) -> Iterator[None]:
    handler.setFormatter(_Line())
    LOGGER.addHandler(handler)
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
        handler.close()
