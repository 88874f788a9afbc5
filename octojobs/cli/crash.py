"""What is kept of an exception that nobody expected: a report file, so that the screen stays readable."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from octojobs import __version__
from octojobs.engine.clock import SystemClock


def write_report(error: BaseException, argv: Sequence[str]) -> Path | None:
    """The report's file, readable by its owner alone; None when no folder takes it.

    It holds versions, the command line and the traceback; no environment and no file contents, which may carry secrets.
    """
    now = SystemClock().now()
    text = "\n".join(
        [
            f"octojobs {__version__} · Python {platform.python_version()} · {platform.platform()}",
            f"at {now:%Y-%m-%dT%H:%M:%SZ}: octojobs {' '.join(argv)}",
            "",
            "".join(traceback.format_exception(error)),
        ]
    )
    name = f"{now:%Y%m%dT%H%M%SZ}-{os.getpid()}.txt"
    for folder in (_state_home() / "crashes", Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = folder / (name if folder.name == "crashes" else f"octojobs-{name}")
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError:
            continue
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        return path
    return None


def _state_home() -> Path:
    chosen = os.environ.get("XDG_STATE_HOME", "")
    return (Path(chosen) if os.path.isabs(chosen) else Path.home() / ".local/state") / "octojobs"


def no_traceback_for_threads() -> None:
    """An exception in a helper thread ends up in a report as well, not on the screen."""

    def hook(args: object) -> None:
        error = getattr(args, "exc_value", None)
        if isinstance(error, BaseException):
            sys.stderr.write(f"octojobs: a thread failed; the report is {write_report(error, sys.argv[1:])}\n")

    # lazily: only a verb that starts threads pays for the module
    import threading

    threading.excepthook = hook
