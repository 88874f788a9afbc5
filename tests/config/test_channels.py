"""Channels and `notify`: what they mean, and what is refused."""

from __future__ import annotations

import pytest

from octojobs.config.proposal import what_runs
from octojobs.core.definitions import Channel
from octojobs.core.job import Notify
from tests.config.loading import job_with, load, problems

SETTINGS = """\
channels:
  ops: {file: told.jsonl}
  desk: {command: [tell, "1.10"]}
  team: {webhook: "https://example.org/x", secret: HOOK, allow_hosts: [intranet]}
"""
JOBS = "jobs: {it: {manual: true, command: make, notify: {channels: [%s]}}}\n"


def test_each_kind_of_channel_is_what_it_says() -> None:
    """By name, in file order."""
    definitions = load(JOBS % "ops", SETTINGS).definitions
    assert definitions is not None
    assert list(definitions.settings.channels.values()) == [
        Channel("ops", file="told.jsonl"),
        Channel("desk", command=("tell", "1.10")),
        Channel("team", webhook="https://example.org/x", secret="HOOK", allow_hosts=("intranet",)),
    ]


def test_who_allows_a_repository_reads_where_its_messages_go() -> None:
    """A channel executes a command, or sends something away."""
    definitions = load(JOBS % "ops", SETTINGS).definitions
    assert definitions is not None
    assert what_runs(definitions)[:3] == (
        "channel ops: append to told.jsonl",
        "channel desk: tell 1.10",
        "channel team: post to https://example.org/x",
    )


def test_without_on_changes_are_told() -> None:
    """And successes are not."""
    assert job_with("notify: {channels: [ops]}", SETTINGS).notify == Notify(("failed", "recovered", "missed"), ("ops",))


def test_a_channel_that_nobody_declared_is_refused() -> None:
    """A message to it would reach nobody."""
    assert problems(JOBS % "opps", SETTINGS) == ['1:62: job "it": notify.channels: there is no channel "opps"; did you mean "ops"?']


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        ("{secret: A}", "channels.x: says nothing about where it leads; write one of file, command and webhook"),
        ("{file: a, command: [b]}", "channels.x: file and command are both given; write one of file, command and webhook"),
        ("{file: a, secret: B}", "channels.x.secret: belongs to a channel with `webhook:`; remove it"),
    ],
)
def test_a_channel_leads_to_one_place(channel: str, said: str) -> None:
    """What is given besides is told, with the remedy."""
    (problem,) = problems("jobs: {}\n", f"channels: {{x: {channel}}}\n")
    assert problem.endswith(f": {said}")
