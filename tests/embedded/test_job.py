"""`octojobs.Job`: made from Python values, changed, subclassed, and checked with the messages of the files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from octojobs import Job, Priority
from octojobs.core.job import Backoff, Overlap
from octojobs.core.when import IntervalWhen
from octojobs.embedded.definition import InvalidValue


def test_a_job_has_the_defaults_of_the_text_and_the_zone_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Medium, enabled, no retries, the scheduler's time limit; cron means the clock on the wall."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    job = Job("nightly", "Nightly build", "make", "0 2 * * *")
    assert (job.id, job.name, job.command, job.schedule) == ("nightly", "Nightly build", "make", "0 2 * * *")
    assert (job.priority, job.enabled, job.max_retries, job.timeout_seconds, job.description) == (Priority.MEDIUM, True, 0, None, "")
    assert (job.state, job.last_run, job.last_result) == ("pending", None, None)
    assert (job.definition.timezone, job.definition.retries.backoff, job.definition.retries.delay_s) == (
        "Europe/Berlin",
        Backoff.CONSTANT,
        1,
    )
    assert repr(job) == "Job(id=nightly, name=Nightly build, command=make, schedule=0 2 * * *, state=pending)"


def test_every_field_of_a_file_is_a_keyword_too() -> None:
    """An interval in place of a schedule, an argument vector, paths, tuples and members of enumerations."""
    job = Job(
        "x", command=("cat", Path("/etc/hosts")), interval="5m", overlap=Overlap.ALLOW, max_instances=2, env={"A": "1"}, cwd=Path("/")
    )
    definition = job.definition
    assert (job.command, job.schedule, job.name) == (("cat", "/etc/hosts"), None, "x")
    assert (definition.when, definition.overlap, definition.env, definition.cwd) == (IntervalWhen(300), Overlap.ALLOW, {"A": "1"}, "/")
    several = Job("y", command="true", schedule=["@daily", "0 12 * * *"], timezone="UTC")
    assert several.schedule == ("@daily", "0 12 * * *")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"id": "my job"}, 'id: "my job" is not a job name; write a letter or _ first, then letters, digits, _ . -, 63 at most'),
        ({"schedule": "61 2 * * *"}, "schedule: minute 61 is outside 0-59; use 0-59, */n or a list"),
        ({"schedule": None}, "says nothing about when it runs; add one of schedule, interval, after, on, or `manual: true`"),
        ({"command": ""}, "command: is empty; write a value or remove the field"),
        ({"priority": "hihg"}, 'priority: "hihg" is not one of urgent, high, medium, low; did you mean "high"?'),
        ({"max_retries": -1}, "max_retries: -1 is too small; write 0 or more"),
        ({"timeout_seconds": "30"}, 'timeout_seconds: "30" is text; write 30'),
        ({"prioriy": "high"}, 'unknown field "prioriy"; did you mean "priority"?'),
        ({"pool": "gpu"}, 'pool: there is no pool "gpu"; declare it in .octopoid/octojobs.yaml: `pools: {gpu: 1}`'),
        ({"command": "true\0"}, "command: this text holds a NUL or half a surrogate pair; remove it"),
    ],
)
def test_what_is_wrong_is_told_as_in_a_file_when_the_job_is_made(fields: Mapping[str, object], message: str) -> None:
    """A ValueError at once, not when the job falls due."""
    given = {"id": "x", "command": "true", "schedule": "@daily", **fields}
    with pytest.raises(ValueError, match=r"^job") as refused:
        Job(**given)  # type: ignore[arg-type]  # what a caller gets wrong
    assert str(refused.value) == f'job "{given["id"]}": {message}'


def test_each_attribute_may_be_changed_and_is_checked() -> None:
    """What is refused leaves the job as it was; other fields of the definition are left alone."""
    job = Job("x", "X", "true", "@daily", retries={"max": 1, "delay": "7s"}, kill_grace="3s", shell="bash")
    job.name, job.command, job.schedule, job.priority = "Y", "false", ["0 1 * * *", "@weekly"], "high"
    job.enabled, job.max_retries, job.timeout_seconds, job.description = False, 5, 9, "why"
    assert (job.name, job.command, job.schedule, job.priority) == ("Y", "false", ("0 1 * * *", "@weekly"), Priority.HIGH)
    assert (job.enabled, job.max_retries, job.timeout_seconds, job.description) == (False, 5, 9, "why")
    definition = job.definition
    assert (definition.retries.delay_s, definition.limits.kill_grace_s, definition.action.argv[0]) == (7, 3, "bash")  # type: ignore[union-attr]  # a command
    job.name, job.description, job.timeout_seconds = "", "", None
    assert (job.name, job.description, job.timeout_seconds) == ("x", "", None)
    with pytest.raises(InvalidValue, match=r'^job "x": schedule: a cron expression has five fields and this has 1; '):
        job.schedule = "daily"
    with pytest.raises(InvalidValue, match=r'^job "x": enabled: "no" is text; write false$'):
        job.enabled = "no"  # type: ignore[assignment]  # what a caller gets wrong
    with pytest.raises(AttributeError):
        job.id = "z"  # type: ignore[misc]  # what a caller may not do
    assert (job.schedule, job.enabled) == (("0 1 * * *", "@weekly"), False)
