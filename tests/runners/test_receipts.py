"""Receipts: what is read from a run's folder, and who wins when a slow shim meets the daemon's fence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from octojobs import platform
from octojobs.core.run import Outcome, Process
from octojobs.runners import receipts
from octojobs.runners.receipts import Escaped, Exit
from tests.helpers import wait_until

EXIT = {
    "v": 1, "outcome": "failed", "exit_code": None, "signal": 9, "reason": "killed by SIGKILL", "started_at": "2026-11-20T10:00:00.5Z",
    "ended_at": "2026-11-20T10:00:02.25Z", "duration_s": 1.75, "output_bytes": 12, "truncated": True,
    "escaped": [{"pid": 7, "command": "sleep 1"}],
}  # fmt: skip


def test_a_result_is_read_whole(tmp_path: Path) -> None:
    """Times are aware UTC; fields of a later version are left aside."""
    (tmp_path / "exit.json").write_text(json.dumps({**EXIT, "later": 1}))
    found = receipts.read_exit(tmp_path)
    assert isinstance(found, Exit)
    assert (found.outcome, found.signal, found.escaped) == (Outcome.FAILED, 9, (Escaped(7, "sleep 1"),))
    assert (found.ended_at - found.started_at).total_seconds() == found.duration_s == 1.75


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"outcome": "failed"}', json.dumps({**EXIT, "outcome": "fine"}), json.dumps({**EXIT, "escaped": 3})]
)
def test_what_is_no_result_is_none(tmp_path: Path, text: str) -> None:
    """A power cut may leave anything: an unreadable result is no result."""
    (tmp_path / "exit.json").write_text(text)
    assert receipts.read_exit(tmp_path) is None
    assert receipts.read_exit(tmp_path / "nowhere") is None


def test_a_link_in_the_place_of_a_receipt_is_not_followed(tmp_path: Path) -> None:
    """The job can write into its folder; the daemon reads files there, not what links lead to."""
    (tmp_path / "elsewhere").write_text(json.dumps(EXIT))
    (tmp_path / "exit.json").symlink_to("elsewhere")
    assert receipts.read_exit(tmp_path) is None
    os.mkfifo(tmp_path / "result.json")
    assert receipts.read_result(tmp_path) is None


def test_the_result_of_a_job_is_any_json_value(tmp_path: Path) -> None:
    """What the job wrote to `OCTOJOBS_RESULT`; too much of it, or what is no JSON, is none."""
    for text, value in (
        ('{"found": [1]}', {"found": [1]}),
        ("7", 7),
        ("nope", None),
        ('"' + "x" * 2_000_000 + '"', None),
        ("[" * 100_000, None),
    ):
        (tmp_path / "result.json").write_text(text)
        assert receipts.read_result(tmp_path) == value


def test_a_folder_without_a_lock_is_not_live(tmp_path: Path) -> None:
    """No file, no folder, or a file that nobody holds."""
    assert not receipts.is_live(tmp_path / "nowhere")
    assert not receipts.is_live(tmp_path)
    (tmp_path / "live").touch()
    assert not receipts.is_live(tmp_path)


def test_a_fence_is_made_once(tmp_path: Path) -> None:
    """The first one wins, the folder is made when the run had not come that far."""
    run_dir = tmp_path / "job" / "run" / "1"
    assert not receipts.has_started(run_dir)
    assert receipts.fence(run_dir)
    assert receipts.has_started(run_dir)
    assert not receipts.fence(run_dir)
    assert {path.stat().st_mode & 0o777 for path in (run_dir, *run_dir.parents[:2])} == {0o700}


def test_a_stop_of_another_process_with_the_same_pid_does_nothing(tmp_path: Path) -> None:
    """The identity decides: start ticks and boot id, not the number."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        ticks = platform.start_ticks(bystander.pid)
        assert ticks is not None
        assert not receipts.stop(Process(bystander.pid, ticks + 1, platform.boot_id()), tmp_path, "cancelled")
        assert not receipts.stop(Process(bystander.pid, ticks, "another boot"), tmp_path, "cancelled")
        assert bystander.poll() is None
        bystander.communicate(b"\n")
    wait_until(lambda: bystander.returncode is not None)
    assert bystander.returncode == 0
