"""Several messages as one."""

from __future__ import annotations

from octojobs.notify.digest import digest
from octojobs.notify.message import CHARACTERS
from tests.notify.world import MESSAGE

BASE = {**MESSAGE, "scheduled_at": "2026-11-20T10:00:00Z", "at": "2026-11-20T10:00:01Z", "failures": 1, "title": "nightly failed"}


def test_a_digest_tells_of_each_message() -> None:
    """Its status is the worst of them, its job the one that all are about."""
    again = {**BASE, "title": "nightly recovered", "status": "success", "at": "2026-11-20T11:00:00Z", "body": "", "failures": 0}
    made = digest([{**BASE, "body": "exit code 3\nand more"}, again])
    assert (made["event"], made["status"], made["job"], made["count"]) == ("digest", "failed", "nightly", 2)
    assert made["title"] == "2 messages: nightly failed, nightly recovered"
    assert made["body"] == (
        "2026-11-20T10:00:01Z nightly failed\n    exit code 3\n    /runs/1/output.log\n"
        "2026-11-20T11:00:00Z nightly recovered\n    /runs/1/output.log"
    )
    assert made.keys() >= {*BASE.keys()} - {"channel", "to"}


def test_beginnings_are_told_of_together_too() -> None:
    """They say nothing of failures, and nothing has failed."""
    started = {**BASE, "event": "on_start", "status": "started", "title": "nightly started", "failures": None, "body": "", "link": ""}
    made = digest([started, started])
    assert (made["status"], made["failures"], made["title"]) == ("started", None, "2 messages: nightly started")
    assert digest([started, BASE])["failures"] == 1


def test_what_is_too_much_for_one_message_is_counted() -> None:
    """Nothing is cut in the middle."""
    made = digest([{**BASE, "title": f"job {number} failed", "job": str(number)} for number in range(200)])
    *_, last = made["body"].splitlines()
    shown = made["body"].count(" failed\n")
    assert len(made["body"]) < CHARACTERS + 100
    assert last == f"… and {200 - shown} more"
    assert made["job"] == ""
