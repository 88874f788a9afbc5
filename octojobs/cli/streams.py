"""The standard streams of a console script: closed, full, or read by somebody who has seen enough."""

from __future__ import annotations

import os
import sys


def open_standard_streams() -> None:
    """Let /dev/null stand for a stream that is closed: a file opened later would get its number, and what is printed with it.

    What the terminal's encoding can't show is written out instead of failing.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free: this one
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w", encoding="utf-8", closefd=False))
        reconfigure = getattr(getattr(sys, name), "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def let_go_of_output() -> None:
    """The reader has seen enough, or the disk is full: what is still buffered goes nowhere, also when the interpreter exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
