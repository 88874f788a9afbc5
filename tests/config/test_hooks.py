"""Hooks of a run as they are written, and what is refused in them."""

from __future__ import annotations

from octojobs.core.job import FollowUp
from tests.config.loading import job_with, problems


def test_a_hook_may_tell_channels() -> None:
    """By their names, to whom included."""
    assert job_with("on_start: {notify: [ops]}", "channels: {ops: {file: a}}\n").on_start == FollowUp(notify=("ops",))


def test_a_hook_that_tells_a_channel_which_nobody_declared_is_refused() -> None:
    """As in `notify:`."""
    fix = (
        "declare it in .octopoid/octojobs.yaml, or for yourself in ~/.config/octojobs/channels.yaml: `channels: {ops: {file: told.jsonl}}`"
    )
    found = problems("jobs: {a: {manual: true, command: make, on_start: {notify: [ops]}}}\n")
    assert found == [f'1:61: job "a": on_start.notify: there is no channel "ops"; {fix}']


def test_jobs_that_start_each_other_are_refused() -> None:
    """At the job that closes the circle, after success or failure alike; a job that two others start is fine."""
    text = """\
jobs:
  a: {manual: true, command: make, on_success: {run: b}}
  b: {manual: true, command: make, on_success: {run: c}, on_failure: {run: d}}
  c: {manual: true, command: make, on_failure: {run: a}}
  d: {manual: true, command: make}
  e: {manual: true, command: make, on_success: {run: d}}
"""
    assert problems(text) == ['4:54: job "c": on_failure.run: a, b and c start each other for ever; remove one of them']


def test_jobs_that_start_each_other_while_they_run_are_refused() -> None:
    """A beginning starts a job as an end does: the circle is named, wherever it is closed."""
    text = """\
jobs:
  a: {manual: true, command: make, on_start: {run: b}}
  b: {manual: true, command: make, on_success: {run: a}}
  c: {manual: true, command: make, on_start: {run: c}}
"""
    assert problems(text) == [
        '3:54: job "b": on_success.run: a and b start each other for ever; remove one of them',
        '4:52: job "c": on_start.run: a job that starts itself never ends; name another job',
    ]
