"""The log on standard error."""

from __future__ import annotations

import io
import logging
import re
import sys

import pytest

from octojobs.cli.logs import log_to_stderr


class _FullDisk(io.StringIO):
    """A stream that takes nothing."""

    def write(self, _: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_log_on_a_full_disk_loses_lines_and_says_nothing_of_python(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nobody is helped by a traceback for each line that could not be written."""
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", _FullDisk())
        log_to_stderr(daemon=True)
    logging.getLogger("octojobs").warning("lost")
    assert capfd.readouterr().err == ""


def test_a_mistake_of_ours_is_one_line_that_says_what_and_where(capfd: pytest.CaptureFixture[str]) -> None:
    """Whoever reads the log has to be able to report it."""
    log_to_stderr()
    try:
        raise LookupError("no such\nthing")
    except LookupError:
        logging.getLogger("octojobs").exception("nobody is notified for now")
    said = capfd.readouterr().err
    assert re.fullmatch(r"octojobs: nobody is notified for now: LookupError: no such\\nthing \(.*test_logs\.py:\d+\)\n", said)
