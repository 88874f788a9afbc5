"""The verbs that show what is declared and due: plain lines in a pipe, tables on a terminal, JSON for programs."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from octojobs.core.claim import manual_run
from octojobs.core.events import AttemptEnded, AttemptStarted, AttemptStarting, JobSeen, RunClaimed
from octojobs.core.identity import JobId
from octojobs.core.job import CommandAction, Job
from octojobs.core.run import Attempt, Outcome, Process
from octojobs.core.when import ManualWhen
from tests.cli.conftest import Call
from tests.helpers import commit_files, environment, home_of, make_repository, script, write
from tests.store.world import opened

JOBS = """\
timezone: Europe/Berlin
jobs:
  nightly: {schedule: "30 2 * * *", command: make nightly, title: "The nightly \\e[2J build", tags: [slow]}
  sweep: {interval: 1h, run: "tools.sweep:main", conditions: [worktree_clean], args: {deep: true}}
  by_hand: {manual: true, command: [make, dist]}
  off: {enabled: false, interval: 5m, command: "true"}
  audit: {schedule: "0 9 * * MON", agent: claude, prompt: look}
"""
JOB_KEYS = [
    *("job", "title", "type", "when", "timezone", "enabled", "priority", "pool", "group", "tags", "next", "adapted"),
    *("paused", "open_runs", "last_run", "last_outcome", "last_end", "last_success_at", "failures", "source"),
]


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with jobs of all kinds, on which nothing ever ran."""
    return make_repository(tmp_path, {".octopoid/jobs.yaml": JOBS})


def test_next_walks_over_a_change_of_clocks(repo: Path, call: Call) -> None:
    """`--from` and `--count` need no daemon, no state and no trust; an instant in the gap moves to its end."""
    said = call(repo, "next", "nightly", "--from", "2026-03-28T00:00Z", "--count", "3", "--json")
    assert said.json == {
        "job": "nightly",
        "when": "30 2 * * *",
        "timezone": "Europe/Berlin",
        "note": "",
        "adapted": None,
        "instants": [{"at": "2026-03-28T01:30:00Z"}, {"at": "2026-03-29T01:00:00Z"}, {"at": "2026-03-30T00:30:00Z"}],
        "limit": None,
    }


def test_next_in_a_pipe_is_a_line_for_each_instant(repo: Path, call: Call) -> None:
    """The instant first, then the job; jobs without one come last, with the reason."""
    said = call(repo, "next", "--from", "2026-11-20T12:00Z")
    assert said.out.splitlines() == [
        "2026-11-20T12:00:00Z\tsweep\t-",
        "2026-11-21T01:30:00Z\tnightly\t-",
        "2026-11-23T08:00:00Z\taudit\t-",
        "-\tby_hand\truns when asked",
        "-\toff\tdisabled",
    ]


def test_an_interval_that_was_never_seen_counts_from_the_instant_asked_about(repo: Path, call: Call) -> None:
    """It is due at first sight, and first sight is now, or `--from`."""
    said = call(repo, "next", "sweep", "--from", "2026-11-20T12:00Z", "--count", "2", "--json")
    assert [one["at"] for one in said.json["instants"]] == ["2026-11-20T12:00:00Z", "2026-11-20T13:00:00Z"]


def test_next_of_all_is_a_list_of_the_same_shape(repo: Path, call: Call) -> None:
    """`jobs`, each as for one."""
    jobs = call(repo, "next", "--json").json["jobs"]
    assert {job["job"] for job in jobs} == {"nightly", "sweep", "by_hand", "off", "audit"}
    assert all(list(job) == ["job", "when", "timezone", "note", "adapted", "instants", "limit"] for job in jobs)


def test_next_touches_nothing(repo: Path, call: Call) -> None:
    """No state folder appears from reading."""
    for verb in ("next", "list", "plan", "status", "runs"):
        call(repo, verb)
    assert not (repo / ".git/octojobs").exists()


def test_list_shows_each_job_with_its_standing(repo: Path, call: Call) -> None:
    """When, next, last outcome, and a remark; text from files can't steer a terminal."""
    said = call(repo, "list")
    lines = {line.split("\t")[0]: line.split("\t") for line in said.out.splitlines()}
    assert list(lines) == ["nightly", "sweep", "by_hand", "off", "audit"]
    assert lines["nightly"][1] == "30 2 * * * (Europe/Berlin)"
    assert lines["by_hand"][1:] == ["when asked", "-", "never", "-"]
    assert lines["off"][2:] == ["-", "never", "disabled"]
    assert said.err == ""


def test_list_has_stable_keys(repo: Path, call: Call) -> None:
    """What programs rely on."""
    view = call(repo, "list", "--json").json
    assert list(view) == ["source", "note", "damage", "warnings", "jobs"]
    assert all(list(job) == JOB_KEYS for job in view["jobs"])
    assert view["jobs"][1]["source"] == {"path": ".octopoid/jobs.yaml", "line": 4}


def test_list_can_be_narrowed_to_a_tag(repo: Path, call: Call) -> None:
    """`--tag`, repeated for any of several."""
    assert [line.split("\t")[0] for line in call(repo, "list", "--tag", "slow").out.splitlines()] == ["nightly"]
    assert call(repo, "list", "--tag", "none").err == "no job has that tag\n"


def test_reading_verbs_show_what_up_would_run_and_say_what_is_not_committed(repo: Path, call: Call) -> None:
    """The commit is what counts; a change of the working tree is named."""
    write(repo / ".octopoid/jobs.yaml", JOBS + "  more: {interval: 1h, command: 'true'}\n")
    said = call(repo, "list")
    assert "more" not in said.out
    assert said.err == "not committed yet, so not live: changes to more\n"
    assert "more" in call(repo, "list", "--source", "worktree").out


def test_before_the_first_commit_the_working_tree_is_shown(tmp_path: Path, call: Call) -> None:
    """And said to be: nothing is live."""
    repo = make_repository(tmp_path)
    write(repo / ".octopoid/jobs.yaml", JOBS)
    said = call(repo, "list")
    assert "nightly" in said.out
    assert said.err == "nothing is committed yet: this is the working tree\n"


def test_problems_are_named_all_at_once(repo: Path, call: Call) -> None:
    """A verb that needs the definitions lists what is wrong with them, place by place, and exits 2."""
    commit_files(repo, {".octopoid/jobs.yaml": "jobs:\n  a: {schedule: '61 * * * *', command: 'true'}\n  b: {comand: x, interval: 5m}\n"})
    said = call(repo, "list")
    assert said.code == 2
    assert [line.split(": ")[0] for line in said.err.splitlines()[:-1]] == [".octopoid/jobs.yaml:2:18", ".octopoid/jobs.yaml:3:7"]
    assert said.err.splitlines()[-1] == "octojobs: these definitions can't be used; `octojobs validate` shows the places"


def test_inspect_shows_every_effective_field(repo: Path, call: Call) -> None:
    """By the names of the jobs file, defaults written out, with the source line and the commit."""
    view = call(repo, "inspect", "sweep", "--json").json
    assert list(view) == [*JOB_KEYS, "description", "seen", "fields", "last_result", "last_result_note", "commit", "note"]
    assert view["fields"]["interval"] == "1h"
    assert view["fields"]["run"] == "tools.sweep:main"
    assert view["fields"]["args"] == {"deep": True}
    assert view["fields"]["conditions"] == ["worktree_clean"]
    assert view["fields"]["kill_grace"] == "10s"
    assert len(view["commit"]) == 40


def test_inspect_makes_hostile_text_visible(repo: Path, call: Call) -> None:
    """A title with an escape sequence is shown, not obeyed."""
    said = call(repo, "inspect", "nightly")
    assert said.out.startswith("nightly  The nightly \\x1b[2J build\ndeclared  .octopoid/jobs.yaml:3 in ")
    assert "command          make nightly\n" in said.out


def test_job_names_are_found_without_regard_to_case(repo: Path, call: Call) -> None:
    """As the file system of a colleague may have it."""
    assert call(repo, "inspect", "NIGHTLY", "--json").json["job"] == "nightly"


def test_plan_says_what_a_tick_would_do(repo: Path, call: Call) -> None:
    """What starts first, with its conditions; what is skipped, with the reason; and what comes after."""
    view = call(repo, "plan", "--json").json
    assert list(view) == ["at", "source", "note", "decisions", "next"]
    (decision,) = view["decisions"]
    assert (decision["job"], decision["action"], decision["cause"]) == ("sweep", "start", "schedule")
    assert decision["conditions"][0]["status"] == "passed"


def test_a_condition_that_is_a_command_is_not_run_before_the_repository_is_allowed(tmp_path: Path, call: Call) -> None:
    """`plan` and `why` read: without trust they execute nothing of the repository's."""
    jobs = "jobs: {a: {interval: 1h, command: 'true', conditions: [{command: 'touch ran'}]}}\n"
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": jobs})
    said = call(repo, "why", "a")
    assert "a@" in said.out
    assert "not asked: nobody has allowed what it would run here" in said.out
    assert not (repo / "ran").exists()


def test_a_terminal_gets_tables_and_relative_times(repo: Path) -> None:
    """Headings, and the absolute time beside the relative one; no colour with NO_COLOR."""
    _record_an_end(repo, "by_hand", datetime(2020, 1, 1, 12, tzinfo=UTC))
    lines = {line.split()[0]: line for line in _on_a_terminal(repo, "list").splitlines() if line}
    assert lines["JOB"].split() == ["JOB", "WHEN", "NEXT", "LAST"]
    assert "  succeeded  " in lines["by_hand"]
    assert re.search(r" (in [\w ]+|now) \(\d{4}-\d\d-\d\dT0[01]:\d0:00Z\)", lines["nightly"])
    assert not any("\x1b[3" in line for line in lines.values())
    assert re.search(r" succeeded +[\w ]+ ago \(2020-01-01T12:00:00Z\) ", _on_a_terminal(repo, "runs"))


def test_a_narrow_terminal_cuts_no_word_up(repo: Path) -> None:
    """Ninety columns have no room for both times of a run, and twenty none for a table: then each cell has a line."""
    _record_an_end(repo, "by_hand", datetime(2020, 1, 1, 12, tzinfo=UTC))
    heading, run = _on_a_terminal(repo, "runs", columns=90).splitlines()
    assert heading.split() == ["RUN", "OUTCOME", "STARTED", "TOOK", "ATTEMPT"]
    assert re.fullmatch(r"by_hand@20200101T120000Z-3f2c +succeeded +[\w ]+ ago +0 ms +1 +asked by ada *", run)
    lines = _on_a_terminal(repo, "runs", columns=20).splitlines()
    assert lines[:2] == ["by_hand@20200101T120000Z-3f2c", "  outcome succeeded"]
    assert re.fullmatch(r"  started [\w ]+ ago", lines[2])
    assert lines[3:] == ["  took 0 ms", "  attempt 1", "  asked by ada"]


def test_without_colour_there_is_no_style_either(repo: Path) -> None:
    """NO_COLOR: tables are as plain as lines are."""
    assert "\x1b" not in _on_a_terminal(repo, "list")


def _record_an_end(repo: Path, name: str, at: datetime) -> None:
    """A run that somebody asked for and that succeeded, at that instant, in the record."""
    job = Job(JobId(name), ManualWhen(), CommandAction("true"))
    run = manual_run(job, at, "3f2c", forced=False, by="ada", source="worktree")
    begun = (JobSeen(job.id, at, at), RunClaimed(run), AttemptStarting(run.id, 1, at), AttemptStarted(run.id, 1, at, Process(1, 1, "boot")))
    with opened(repo / ".git/octojobs") as store:
        store.commit([*begun, AttemptEnded(run.id, Attempt(1, Outcome.SUCCEEDED, at, at, 0))])


def _on_a_terminal(repo: Path, *arguments: str, columns: int = 160) -> str:
    """What the verb writes to a terminal."""
    ours, theirs = pty.openpty()
    env = environment(home_of(repo), COLUMNS=str(columns), TERM="xterm")
    with subprocess.Popen([script(), *arguments], cwd=repo, env=env, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        parts: list[bytes] = []
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # how Linux says that the other end is closed
                break
            if not part:
                break
            parts.append(part)
        assert process.wait() == 0
    os.close(ours)
    return b"".join(parts).decode().replace("\r\n", "\n")
