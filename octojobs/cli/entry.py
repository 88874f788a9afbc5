"""The console scripts: what a person may interrupt from the first moment on, without ever seeing a traceback.

Importing the command line takes a tenth of a second, in which Ctrl-C would end in the middle of somebody's import. So this
module imports next to nothing, and until a verb is in charge, and after it, an interrupt ends the process at once: there is
nothing to clean up then. While Python itself starts, before this module is read, nothing can be done.
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False  # typing's own costs 5 ms; type checkers know the name
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

INTERRUPTED = 130
"""`ExitCode.INTERRUPTED`, which is not imported yet."""


def main() -> int:
    """`octojobs`, and `python -m octojobs`; returns the exit code."""

    def load() -> Callable[[], int]:
        from octojobs.cli.main import main as command_line  # lazily: this is what takes its time

        return command_line

    return _uninterrupted(load)


def validate() -> int:
    """`octojobs-validate`; returns the exit code."""

    def load() -> Callable[[], int]:
        from octojobs.cli.validate_hook import main as validate_hook  # lazily: this is what takes its time

        return validate_hook

    return _uninterrupted(load)


def _uninterrupted(load: Callable[[], Callable[[], int]]) -> int:
    """What the program that is loaded returns, 130 when it is interrupted before, in, or after it."""
    # Who started us with SIGINT ignored (`nohup`, `&` in a script) meant it.
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return load()()
    signal.signal(signal.SIGINT, _leave)
    sys.unraisablehook = _unraisable
    try:
        program = load()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return program()
    except KeyboardInterrupt:
        # In the lines around the program's own handling of it.
        return INTERRUPTED
    finally:
        signal.signal(signal.SIGINT, _leave)


def _leave(_number: int, _frame: FrameType | None) -> None:
    try:
        os.write(2, b"octojobs: interrupted\n")
    finally:  # there may be no standard error
        os._exit(INTERRUPTED)


def _unraisable(args: sys.UnraisableHookArgs) -> None:
    """An interrupt that came in a destructor or in a call-back of an import would be printed, and lost."""
    if args.exc_type is KeyboardInterrupt:
        _leave(signal.SIGINT, None)
    sys.__unraisablehook__(args)
