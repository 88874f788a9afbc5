"""The log on standard error."""

from __future__ import annotations

import io
import logging
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
