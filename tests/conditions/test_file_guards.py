"""file_exists, quiet_for and not_paused read files, and say so when they can't."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from octojobs.core.guards import Status
from tests.facts.world import context_of, context_of_folder, expect, verdict_of
from tests.helpers import write

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def stamp(path: Path, at: datetime) -> None:
    """The file as if it had been written at that instant."""
    os.utime(path, (at.timestamp(), at.timestamp()))


def test_file_exists_for_files_and_folders(repo: Path) -> None:
    """Paths are relative to the main worktree."""
    write(repo / "docs/a.txt", "x")
    for path in ("docs", "docs/a.txt", str(repo / "docs/a.txt")):
        expect(context_of(repo), "file_exists", Status.PASSED, f"{path} is there", path=path)
    for path in ("nothing", "docs/a.txt/below"):
        expect(context_of(repo), "file_exists", Status.FAILED, f"{path} is not there", path=path)


def test_a_link_that_leads_nowhere_is_no_file_and_one_in_a_circle_is_unknown(repo: Path) -> None:
    """Links are followed."""
    (repo / "dangling").symlink_to("nothing")
    (repo / "circle").symlink_to("circle")
    expect(context_of(repo), "file_exists", Status.FAILED, "dangling is not there", path="dangling")
    expect(context_of(repo), "file_exists", Status.UNKNOWN, "circle can't be read: too many levels of symbolic links", path="circle")


def test_quiet_for_takes_the_newer_of_the_activity_file_and_the_log_of_head(repo: Path) -> None:
    """A command of octojobs and a commit both end the quiet."""
    activity, head_log = write(repo / ".git/octojobs/last_activity", ""), repo / ".git/logs/HEAD"
    context = context_of(repo, NOON)
    stamp(activity, NOON - timedelta(hours=2))
    stamp(head_log, NOON - timedelta(minutes=11))
    expect(context, "quiet_for", Status.PASSED, "last activity at 11:49, more than 10m ago", duration_s=600)
    stamp(activity, NOON - timedelta(minutes=3))
    expect(context, "quiet_for", Status.FAILED, "last activity at 11:57, 3m ago; 10m wanted", duration_s=600)


def test_quiet_for_counts_an_activity_ahead_as_one_of_just_now(repo: Path) -> None:
    """The clock was set back."""
    stamp(repo / ".git/logs/HEAD", NOON + timedelta(hours=1))
    expect(context_of(repo, NOON), "quiet_for", Status.FAILED, "last activity at 13:00, 0s ago; 10m wanted", duration_s=600)


def test_quiet_for_is_unknown_without_any_record_of_activity(tmp_path: Path) -> None:
    """No file is no sign of quiet."""
    words = "neither last_activity nor git's log of HEAD is there"
    expect(context_of_folder(tmp_path), "quiet_for", Status.UNKNOWN, words, duration_s=600)


def test_quiet_for_is_unknown_when_one_record_cannot_be_read(repo: Path) -> None:
    """The other might be the older one."""
    activity = repo / ".git/octojobs/last_activity"
    activity.parent.mkdir(parents=True)
    activity.symlink_to(activity.name)
    words = "last_activity can't be read: too many levels of symbolic links"
    expect(context_of(repo), "quiet_for", Status.UNKNOWN, words, duration_s=600)


def test_the_pause_file_pauses(repo: Path) -> None:
    """Its content doesn't matter."""
    expect(context_of(repo), "not_paused", Status.PASSED, "nothing is paused")
    write(repo / ".octopoid/PAUSE", "")
    expect(context_of(repo), "not_paused", Status.FAILED, "paused by .octopoid/PAUSE")


@pytest.mark.parametrize("word", ["true", "True", "yes", "on"])
def test_paused_in_agents_yaml_pauses(repo: Path, word: str) -> None:
    """Octopoid reads it with YAML 1.1."""
    write(repo / ".octopoid/agents.yaml", f"fleet:\n  - {{name: a, paused: true}}\npaused: {word}\n")
    expect(context_of(repo), "not_paused", Status.FAILED, f"paused by paused: {word} in .octopoid/agents.yaml")


@pytest.mark.parametrize(
    "text", ["paused: false\n", "paused:\n", "", "# nothing\n", "agents:\n  a: {paused: true}\n", "fleet: [{paused: true}]\npaused: off\n"]
)
def test_only_the_top_level_paused_counts(repo: Path, text: str) -> None:
    """An agent that is paused alone pauses nobody else."""
    write(repo / ".octopoid/agents.yaml", text)
    expect(context_of(repo), "not_paused", Status.PASSED, "nothing is paused")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("paused: maybe\n", ": paused: 'maybe' is neither true nor false"),
        ("paused: [true]\n", ": paused: 'a collection' is neither true nor false"),
        ("- paused: true\n", " is not a mapping"),
        ("paused: false\nfleet: [\n", " is not valid YAML (line 3)"),
        ("[" * 500, " is not a mapping"),
        ("x: " + "[" * 100_000, " is nested more than 40 deep"),
        ("paused: \x00\n", " is not valid YAML"),
        ("#" * 1_000_001, " is larger than 1000000 bytes"),
    ],
)
def test_an_agents_yaml_that_cannot_be_understood_is_unknown(repo: Path, text: str, why: str) -> None:
    """Also one that would crash a loader."""
    write(repo / ".octopoid/agents.yaml", text)
    expect(context_of(repo), "not_paused", Status.UNKNOWN, f".octopoid/agents.yaml{why}")


def test_a_pipe_in_place_of_agents_yaml_holds_nobody_up(repo: Path) -> None:
    """Nobody writes into it, and nobody waits for it."""
    (repo / ".octopoid").mkdir()
    os.mkfifo(repo / ".octopoid/agents.yaml")
    assert verdict_of(context_of(repo), "not_paused").evidence == ".octopoid/agents.yaml is not a regular file"
