"""The pages agree with the code: states, words, exit codes, decisions, links, the service unit, the README's commands."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest

import octojobs
from octojobs.core.events import HAPPENS_TO, CancelAsked, RunEvent, StartFollowed, transition
from octojobs.core.guards import Status
from octojobs.core.identity import JobId, RunId
from octojobs.core.job import CatchUp, CommandAction, Job, Overlap, Priority
from octojobs.core.run import Attempt, Cause, IllegalTransition, Outcome, Phase, Process, Run
from octojobs.core.when import ManualWhen
from octojobs.errors import ExitCode
from tests.helpers import ROOT, dependencies

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ARROW = re.compile(r"^    (\w+) --> (\w+): (\w+)$", re.MULTILINE)
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def page(name: str) -> str:
    """The text of a page in docs/."""
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def first_column(text: str, mark: str = "`") -> list[str]:
    """What stands in code or bold in the first column of the page's tables."""
    quoted = re.escape("**" if mark == "**" else "`")
    return re.findall(rf"^\| {quoted}([^`*]+){quoted}", text, re.MULTILINE)


def event(name: str, retried: bool) -> RunEvent:
    """An event by its name; an attempt that ended is retried or not."""
    ended = Attempt(1, Outcome.FAILED, NOON, NOON, exit_code=1)
    values: dict[str, Any] = {
        "run": run_in(Phase.QUEUED).id,
        "attempt": ended if name == "AttemptEnded" else 1,
        "at": NOON,
        "verdicts": (),
        "not_before": NOON,
        "process": Process(1, 1, "boot"),
        "reason": "a reason",
        "outcome": Outcome.SKIPPED,
        "by": "a person",
        "retry_at": NOON if retried else None,
    }
    kind = next(kind for kind in get_args(RunEvent) if kind.__name__ == name)
    result: RunEvent = kind(**{f.name: values[f.name] for f in fields(kind) if f.name == "retry_at" or f.default is MISSING})
    return result


STAYING = (CancelAsked, StartFollowed)
"""Events that move a run nowhere: the page tells of them in sentences."""


def run_in(phase: Phase) -> Run:
    """A run in the phase."""
    job = Job(JobId("nightly"), ManualWhen(), CommandAction("make nightly"))
    return Run(RunId.of(job.id, NOON), job, NOON, Cause.SCHEDULE, NOON, phase)


def test_the_picture_of_the_states_has_exactly_the_arrows_of_the_code() -> None:
    """docs/state-machine.md and core/events.py show one machine."""
    drawn = {(Phase(start), name) for start, _, name in ARROW.findall(page("state-machine.md"))}
    assert drawn == {(start, kind.__name__) for kind, starts in HAPPENS_TO.items() for start in starts if kind not in STAYING}


@pytest.mark.parametrize(("start", "end", "name"), ARROW.findall(page("state-machine.md")))
def test_each_arrow_is_taken_by_the_event_that_it_names(start: str, end: str, name: str) -> None:
    """The event on an arrow of the picture moves a run along it."""
    moved = transition(run_in(Phase(start)), event(name, retried=end == Phase.RETRYING))
    assert moved.phase == end


def test_a_finished_run_takes_no_event() -> None:
    """What is recorded as an outcome stays so; the message names the event and the run."""
    for kind in HAPPENS_TO:
        with pytest.raises(IllegalTransition) as refused:
            transition(run_in(Phase.FINISHED), event(kind.__name__, retried=False))
        assert str(refused.value) == f"{kind.__name__} can't happen to run nightly@20261120T120000Z, which is finished"


def test_the_page_of_the_states_explains_each_state_event_and_outcome() -> None:
    """Nothing in the tables is missing, and nothing is made up."""
    told = {kind.__name__ for kind in STAYING}
    shown = {"RunClaimed", *told} | {kind.__name__ for kind in get_args(RunEvent)}
    assert set(first_column(page("state-machine.md"))) | told == {*map(str, Phase), *map(str, Outcome), *shown}


def test_the_glossary_is_in_order_and_spells_the_words_of_the_code() -> None:
    """A word stands where a reader looks for it, with the spellings that YAML and JSON use."""
    words = first_column(page("glossary.md"), "**")
    assert words == sorted(words)
    for kind in (Outcome, Overlap, CatchUp, Priority, Status):
        assert [member for member in kind if f"`{member}`" not in page("glossary.md")] == []


def test_the_exit_codes_are_those_of_the_code() -> None:
    """docs/reference/exit-codes.md lists each code with its name."""
    rows = re.findall(r"^\| (\d+) \| `(\w+)`", page("reference/exit-codes.md"), re.MULTILINE)
    assert rows == [(str(code.value), code.name) for code in ExitCode]


def test_every_decision_is_in_the_index_under_its_title() -> None:
    """docs/decisions/index.md lists each page but the template, in order."""
    titles = []
    for path in sorted((ROOT / "docs/decisions").glob("0*.md"))[1:]:
        number, title = path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ").split(". ", 1)
        titles.append(f"{number}. [{title}]({path.name})")
    assert titles == [line for line in page("decisions/index.md").splitlines() if re.match(r"\d+\. ", line)]


def test_every_dependency_has_its_reason() -> None:
    """docs/decisions/0004-libraries.md has one row for each dependency in pyproject.toml."""
    rows = [row.split("|")[2].strip() for row in page("decisions/0004-libraries.md").splitlines() if row.startswith("| ")]
    assert sorted(rows[1:]) == sorted(dependencies())


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_between_pages_lead_somewhere(path: Path) -> None:
    """A link to a file of this repository names one that exists."""
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_every_page_can_be_reached_from_the_index() -> None:
    """docs/index.md, or the index of the decisions, names each page."""
    linked = {link for name in ("index.md", "decisions/index.md") for link in re.findall(r"\]\(([^)#]+)\)", page(name))}
    names = {path.name for path in (ROOT / "docs").rglob("*.md")} - {"index.md"}
    assert names == {Path(link).name for link in linked if link.endswith(".md")} - {"index.md"}


def test_the_readme_has_its_two_commands_on_one_line_each() -> None:
    """What .ci/run calls, and what a stranger copies."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = dict(re.findall(r"<!-- set up and (\w+) -->\n```sh\n(.+)\n```", readme))
    assert set(commands) == {"run", "test"}
    assert "octojobs allow --yes && .venv/bin/octojobs up" in commands["run"]
    assert ".[test]" in commands["test"]


def test_the_changelog_names_what_is_not_released_or_this_version() -> None:
    """The newest heading is the version that is being made."""
    heading = re.findall(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)[0]
    assert heading in {"Unreleased", octojobs.__version__}


def test_the_service_unit_stops_the_daemon_alone_and_restarts_only_when_that_helps() -> None:
    """A restart of the service leaves the runs alone; wrong usage, a busy, unknown or damaged repository is no reason to try again."""
    unit = (ROOT / "contrib/systemd/octojobs@.service").read_text(encoding="utf-8")
    settings = dict(line.split("=", 1) for line in unit.splitlines() if "=" in line and not line.startswith("#"))
    assert (settings["KillMode"], settings["OOMPolicy"], settings["Restart"]) == ("process", "continue", "on-failure")
    hopeless = (ExitCode.USAGE, ExitCode.BUSY, ExitCode.NOT_TRUSTED, ExitCode.DAMAGED)
    assert settings["RestartPreventExitStatus"] == " ".join(str(code.value) for code in hopeless)
