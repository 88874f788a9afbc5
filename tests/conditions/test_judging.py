"""Guards are judged together: one look at each fact, each verdict kept, nothing that raises."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from octojobs.conditions import judging
from octojobs.conditions.judging import argument_problems, judge, judge_jobs
from octojobs.conditions.registry import get, names
from octojobs.core.definitions import Settings
from octojobs.core.guards import AnyOf, Condition, Guard, Not, Status, Verdict, overall
from octojobs.core.identity import JobId, RunId
from octojobs.core.job import CommandAction, Job
from octojobs.core.run import Cause, Phase, Run
from octojobs.core.when import ManualWhen
from octojobs.facts.gather import GATHERERS
from tests.facts.world import context_of, expect, verdict_of
from tests.helpers import write

AT = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


def job(name: str, *guards: Guard) -> Job:
    """A job with these guards."""
    return Job(JobId(name), ManualWhen(), CommandAction("true"), conditions=guards)


def run_of(definition: Job) -> Run:
    """A waiting run of the job."""
    return Run(RunId.of(definition.id, AT), definition, AT, Cause.SCHEDULE, AT, Phase.WAITING)


def test_every_guard_of_every_run_gets_its_verdict(repo: Path) -> None:
    """In the order of the definition, joined as declared."""
    write(repo / "here", "")
    here, gone = Condition("file_exists", {"path": "here"}), Condition("file_exists", {"path": "gone"})
    runs = [run_of(job("a", here, gone)), run_of(job("b", Not(gone), AnyOf((gone, here)))), run_of(job("c"))]
    verdicts = judge(runs, context_of(repo))
    statuses = {run.job: [verdict.status for verdict in verdicts[run.id]] for run in runs}
    assert statuses == {"a": [Status.PASSED, Status.FAILED], "b": [Status.PASSED, Status.PASSED], "c": []}
    assert overall(verdicts[runs[0].id]).evidence == "gone is not there"


def test_a_fact_that_many_jobs_name_is_gathered_once(repo: Path) -> None:
    """The command below counts how often it was asked."""
    count = Condition("command", {"command": "echo x >> asked"})
    judge_jobs([job("a", count), job("b", count, Not(count))], context_of(repo))
    assert (repo / "asked").read_text() == "x\n"


def test_only_facts_that_are_named_are_gathered(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job without guards costs no look at anything."""

    def refuse(*_: object) -> None:
        raise AssertionError("nobody named it")

    monkeypatch.setattr("octojobs.facts.gather.GATHERERS", dict.fromkeys(GATHERERS, refuse))
    assert judge_jobs([job("a"), job("b", Condition("between", {"from": "00:00", "to": "12:00"}))], context_of(repo, AT))[JobId("a")] == ()


def test_commands_run_side_by_side(repo: Path) -> None:
    """Each of the two waits until the other has started: one after the other, both would be unknown."""
    wait = "touch {0}; while [ ! -e {1} ]; do sleep 0.01; done"
    one, two = (Condition("command", {"command": wait.format(*pair)}) for pair in (("p", "q"), ("q", "p")))
    verdicts = judge_jobs([job("a", one), job("b", two)], context_of(repo))
    assert [verdict.status for found in verdicts.values() for verdict in found] == [Status.PASSED, Status.PASSED]


def test_a_guard_that_is_not_known_any_more_is_unknown(repo: Path) -> None:
    """A run carries the definition it was claimed with; the condition's declaration may be gone since."""
    words = "there is no condition 'mine': declare it under conditions: in .octopoid/octojobs.yaml"
    expect(context_of(repo), "mine", Status.UNKNOWN, words)


def test_a_gatherer_that_breaks_is_unknown_and_warned_of(
    repo: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A bug in one fact stops neither the tick nor the other jobs."""

    def broken(*_: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr("octojobs.facts.gather.GATHERERS", {**GATHERERS, "head": broken})
    with caplog.at_level(logging.WARNING):
        expect(context_of(repo), "on_branch", Status.UNKNOWN, "KeyError: 'x'", branches=["main"])
    assert caplog.messages == ["the fact head can't be told: KeyError: 'x'"]


def test_a_judgement_that_breaks_is_unknown_and_warned_of(
    repo: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As for gatherers."""

    def broken(*_: object) -> Verdict:
        raise ZeroDivisionError("oh")

    kind = get("not_paused")
    assert kind is not None
    monkeypatch.setattr(judging, "get", lambda *_: replace(kind, judge=broken))
    expect(context_of(repo), "not_paused", Status.UNKNOWN, "ZeroDivisionError: oh")
    assert caplog.messages == ["the condition not_paused can't be judged: ZeroDivisionError: oh"]


PROBLEMS: list[tuple[str, Mapping[str, Any], list[str]]] = [
    ("no_agents_running", {"x": 1}, ["no_agents_running: x: there is no such argument; it takes none"]),
    ("agents_quiescent", {}, []),
    ("on_branch", {}, ["on_branch: branches is missing"]),
    ("on_branch", {"branches": []}, ["on_branch: branches: a list of branch names or globs, at least one"]),
    ("worktree_clean", {}, []),
    ("file_exists", {"path": "a", "paht": "b"}, ["file_exists: paht: there is no such argument; use path"]),
    ("file_exists", {"path": ""}, ["file_exists: path: a path, relative to the main worktree"]),
    (
        "between",
        {"from": "25:00", "to": 7},
        ["from: '25:00' is not a time of day such as 22:00", "to: 7 is not a time of day such as 22:00"],
    ),
    ("between", {"from": "07:00", "to": "7:00"}, ["from and to are the same time: nobody knows whether that means always or never"]),
    ("quiet_for", {"duration_s": True}, ["quiet_for: duration_s: a duration above 0, such as 10m"]),
    ("quiet_for", {"duration_s": 600}, []),
    ("not_paused", {}, []),
    ("command", {"command": []}, ["command: command: a text for sh -c, or a list of words"]),
    ("command", {"command": ("true",)}, []),
]


@pytest.mark.parametrize(("name", "args", "problems"), PROBLEMS)
def test_arguments_are_checked_before_a_guard_is_asked(repo: Path, name: str, args: Mapping[str, Any], problems: list[str]) -> None:
    """`why` shows what is wrong; the guard is unknown then."""
    told = [problem if problem.startswith(f"{name}: ") else f"{name}: {problem}" for problem in problems]
    assert argument_problems(Condition(name, args), Settings()) == told
    if told:
        found = verdict_of(context_of(repo), Condition(name, args))
        assert (found.status, found.evidence) == (Status.UNKNOWN, "; ".join(told))


def test_every_built_in_guard_is_registered_with_a_summary_of_one_line() -> None:
    """The reference is made from these."""
    kinds = [get(name) for name in names()]
    assert all(kind is not None and re.fullmatch(r"[a-z].{10,100}", kind.summary) for kind in kinds)
    assert set(names()) >= {name for name, _, _ in PROBLEMS} | {"has_stale_prs"}
    assert get("nothing") is None
