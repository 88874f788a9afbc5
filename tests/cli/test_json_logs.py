"""`--log-format json`: one object a line, with the fields of each event."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

from octojobs.cli.json_logs import JsonLine
from tests.helpers import make_repository, octojobs

JOBS = """\
jobs:
  bad: {interval: 1h, command: "exit 3"}
  gated: {interval: 1h, command: "true", conditions: [{file_exists: {path: nowhere}}], when_blocked: skip}
"""


def line_of(message: str, *args: object, **more: Any) -> dict[str, Any]:
    """What a line says."""
    record = logging.makeLogRecord(
        {"name": "octojobs.engine", "levelname": "WARNING", "created": 1.5, "msg": message, "args": args, **more}
    )
    text = JsonLine().format(record)
    assert "\n" not in text
    assert text.isascii()
    said: dict[str, Any] = json.loads(text)
    return said


def test_a_sentence_is_a_line_whatever_is_in_it() -> None:
    """A newline, a control character and a smile are escaped; the instant is RFC 3339."""
    assert line_of("%s\n\x1b[31m\u2028☺", "a") == {
        "at": "1970-01-01T00:00:01.500000Z",
        "level": "warning",
        "logger": "octojobs.engine",
        "event": "log",
        "message": "a\n\x1b[31m\u2028☺",
    }


def test_a_mistake_of_ours_is_one_line_too() -> None:
    """With its traceback as a text."""
    try:
        raise ValueError("no\nway")
    except ValueError:
        said = line_of("it broke", exc_info=sys.exc_info())
    assert said["exception"].startswith("Traceback")
    assert said["exception"].endswith("ValueError: no\nway")


def test_each_event_of_a_run_has_a_line_with_its_fields(tmp_path: Path) -> None:
    """Claimed, started, ended; and what did not run, with the reason. Nothing else stands on standard error."""
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": JOBS})
    assert octojobs(repo, "allow", "--yes").returncode == 0
    done = octojobs(repo, "up", "--once", "--log-format", "json")
    assert done.returncode == 1
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    events = {(line["event"], line["job"]): line for line in lines if "job" in line}
    run = events["run_claimed", "bad"]["run"]
    started, ended, finished = (events[name, "bad"] for name in ("run_started", "attempt_ended", "run_finished"))
    assert {line["run"] for line in (started, ended, finished)} == {run}
    assert (started["attempt"], started["late_s"] >= 0, started["pid"] > 0) == (1, True, True)
    assert (ended["outcome"], ended["exit_code"], ended["retry_at"], ended["level"]) == ("failed", 3, None, "warning")
    assert (finished["outcome"], finished["attempts"], finished["reason"]) == ("failed", 1, "exit code 3")
    assert finished["duration_s"] >= 0
    skipped = events["run_skipped", "gated"]
    assert "nowhere" in skipped["reason"]


def test_a_tick_tells_the_same_events(tmp_path: Path) -> None:
    """A timer's log is for programs, too."""
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": JOBS})
    octojobs(repo, "allow", "--yes")
    done = octojobs(repo, "tick", "--log-format", "json")
    assert done.returncode == 1
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    told = [line["event"] for line in lines if line.get("job") == "bad"]
    assert sorted(told) == ["attempt_ended", "run_claimed", "run_finished", "run_started"]


def test_the_environment_chooses_the_form_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    """For a unit file: no line of it has to change."""
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": "jobs: {a: {interval: 1h, command: 'true'}}\n"})
    octojobs(repo, "allow", "--yes")
    done = octojobs(repo, "up", "--once", OCTOJOBS_LOG_FORMAT="json")
    assert '"event": "run_finished"' in done.stderr
    wrong = octojobs(repo, "up", "--once", "--log-format", "xml")
    assert (wrong.returncode, "'xml' is not one of 'console', 'json'" in wrong.stderr) == (2, True)
