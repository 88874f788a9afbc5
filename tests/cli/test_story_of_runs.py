"""What ran is told by `runs`, `logs`, `why`, `status` and `list`, with and without a daemon."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Call
from tests.helpers import git, make_repository, octojobs, output_of, start_octojobs, wait_until

JOBS = """\
jobs:
  good: {interval: 1d, command: "echo begun; echo done >&2"}
  bad: {interval: 1d, command: 'printf "one\\n\\033[31mtwo\\n"; exit 3', priority: low}
  guarded: {interval: 1d, command: "true", conditions: [{file_exists: no/such/file}], when_blocked: skip}
  asked: {manual: true, command: "echo $OCTOJOBS_RUN_ID"}
  quiet: {interval: 1d, command: "true"}
  slow: {manual: true, command: "echo begun; exec sleep 60", kill_grace: 1s}
"""
RUN_KEYS = {
    *("id", "job", "scheduled_at", "attempt", "outcome", "reason", "phase", "cause", "claimed_at", "started_at", "ended_at", "at"),
    *(
        "result",
        "result_note",
        "duration_s",
        "exit_code",
        "signal",
        "count",
        "first_scheduled_at",
        "correction",
        "conditions",
        "attempts",
        "commit",
    ),
    *("definitions", "dirty", "forced", "requested_by", "trigger", "not_before", "pid"),
}


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository in which `up --once` has run, which exits 1 because a job failed."""
    repo = make_repository(tmp_path_factory.mktemp("ran"), {".octopoid/jobs.yaml": JOBS})
    assert octojobs(repo, "allow", "--yes").returncode == 0
    done = octojobs(repo, "up", "--once")
    assert done.returncode == 1, done.stderr
    assert "good@" in done.stdout
    assert "  | one\n  | ^[[31mtwo\n" in done.stdout
    return repo


@pytest.fixture
def world(repo: Path, at_home: Callable[[Path], Path]) -> Path:
    """The same for calls in this process: the home that `octojobs` used for the repository."""
    return at_home(repo)


def _run_of(call: Call, repo: Path, job: str) -> dict[str, Any]:
    found: dict[str, Any] = call(repo, "runs", job, "--json").json["runs"][0]
    return found


def test_runs_tell_how_each_due_instant_ended(world: Path, call: Call) -> None:
    """Ran or not: each has one outcome, under the same keys."""
    runs = call(world, "runs", "--json").json["runs"]
    outcomes = {"good": "succeeded", "bad": "failed", "quiet": "succeeded", "guarded": "skipped"}
    assert {run["job"]: run["outcome"] for run in runs} == outcomes
    assert all(set(run) == RUN_KEYS for run in runs)
    bad = next(run for run in runs if run["job"] == "bad")
    assert (bad["exit_code"], bad["attempt"], bad["reason"], bad["phase"]) == (3, 1, "exit code 3", "finished")


def test_runs_in_a_pipe_are_lines_of_cells(world: Path, call: Call) -> None:
    """Run, outcome, start, duration, attempt, reason."""
    (line,) = call(world, "runs", "guarded").out.splitlines()
    cells = line.split("\t")
    assert cells[0].startswith("guarded@")
    assert cells[1] == "skipped"
    assert cells[5].startswith("file_exists(path: no/such/file): ")


def test_runs_are_filtered_by_outcome_age_and_number(world: Path, call: Call) -> None:
    """`--status`, `--since`, `--limit`."""
    assert [run["job"] for run in call(world, "runs", "--status", "failed", "--json").json["runs"]] == ["bad"]
    assert len(call(world, "runs", "--limit", "2", "--json").json["runs"]) == 2
    assert call(world, "runs", "--since", "2100-01-01T00:00Z").err == "no runs like that\n"
    assert len(call(world, "runs", "--since", "1h", "--json").json["runs"]) >= 4


def test_logs_print_what_the_job_wrote(world: Path, call: Call) -> None:
    """Both streams, in order; the latest run of a job, or a run whose id is shortened."""
    run = _run_of(call, world, "good")
    for name in ("good", run["id"], run["id"][:-3]):
        assert call(world, "logs", name).out == "begun\ndone\n"
    assert call(world, "logs", "good", "-f").out == "begun\ndone\n"


def test_logs_of_a_run_without_output_say_so(world: Path, call: Call) -> None:
    """On standard error: a pipe gets what the job wrote, which is nothing."""
    said = call(world, "logs", "quiet")
    assert (said.code, said.out, said.err) == (0, "", "(no output)\n")
    assert call(world, "logs", "quiet", "--json").json["output"] == ""


def test_logs_as_json_have_the_outcome(world: Path, call: Call) -> None:
    """Bytes that are not UTF-8 are replaced; with -f each line is an object, as tests/cli/test_json_schema.py sees."""
    run = _run_of(call, world, "bad")
    assert call(world, "logs", "bad", "--json").json == {
        "run": run["id"],
        "job": "bad",
        "attempt": 1,
        "outcome": "failed",
        "bytes": 13,
        "truncated": False,
        "output": "one\n\x1b[31mtwo\n",
    }
    assert call(world, "logs", "bad", "--json", "--raw").code == 2


def test_a_dry_run_shows_what_the_run_would_be_told(world: Path, call: Call) -> None:
    """The commit and the last success, as a run gets them."""
    out = call(world, "run-now", "good", "--dry-run").out
    assert f"  OCTOJOBS_COMMIT={git(world, 'rev-parse', 'HEAD')}\n" in out
    assert re.search(r"  OCTOJOBS_LAST_SUCCESS_AT=20\d\d-", out)


def test_logs_in_a_pipe_are_the_job_s_own_bytes(world: Path, call: Call) -> None:
    """Only a terminal is protected."""
    assert call(world, "logs", "bad").out == "one\n\x1b[31mtwo\n"


def test_logs_of_what_did_not_run_say_why(world: Path, call: Call) -> None:
    """With the command that tells more."""
    run = _run_of(call, world, "guarded")
    said = call(world, "logs", "guarded")
    assert said.code == 1
    assert said.err == (
        f"octojobs: {run['id']} did not run: skipped, {run['reason']}; `octojobs why guarded --at {run['scheduled_at']}` tells more\n"
    )


def test_an_attempt_that_was_not_made_has_no_output(world: Path, call: Call) -> None:
    """`--attempt` names one that is there."""
    run = _run_of(call, world, "good")
    said = call(world, "logs", "good", "--attempt", "7")
    assert (said.code, said.err) == (2, f"octojobs: {run['id']} has no output of attempt 7; it has output of attempt 1\n")


def test_a_shortened_id_that_may_be_several_lists_them(world: Path, call: Call) -> None:
    """The day is the same for all."""
    day = _run_of(call, world, "good")["id"].partition("@")[2][:8]
    said = call(world, "logs", day)
    assert said.code == 2
    assert said.err.startswith(f'octojobs: "{day}" may be any of ')
    assert "good@" in said.err


def test_why_tells_the_recorded_decision(world: Path, call: Call) -> None:
    """With the guards' evidence; for the instant asked about, and for the latest one."""
    run = _run_of(call, world, "guarded")
    view = call(world, "why", "guarded", "--at", run["scheduled_at"], "--json").json
    assert list(view) == ["job", "at", "records", "now", "text"]
    assert view["text"][:3] == [
        f"{run['id']} fell due at {run['scheduled_at']}.",
        f"Condition file_exists(path: no/such/file) did not hold: {run['conditions'][0]['evidence']}.",
        f"It was skipped: {run['reason']}.",
    ]
    assert call(world, "why", "guarded").out.splitlines()[:3] == view["text"][:3]


def test_why_tells_attempts_and_what_is_next(world: Path, call: Call) -> None:
    """In sentences that can be read aloud."""
    run = _run_of(call, world, "bad")
    attempt = run["attempts"][0]
    text = call(world, "why", "bad", "--json").json["text"]
    assert text[0] == f"{run['id']} fell due at {run['scheduled_at']}, on commit {run['commit'][:12]}."
    assert text[1].startswith(f"Attempt 1 started at {attempt['started_at'][:19]}Z and failed at ")
    assert text[1].endswith("(exit code 3).")
    assert text[2].startswith("Now: nothing is due; the next instant is ")


def test_why_says_when_an_instant_is_none_of_the_job_s(world: Path, call: Call) -> None:
    """It does not make up a decision."""
    said = call(world, "why", "good", "--at", "2001-01-01T00:00:01Z")
    assert said.out.startswith(
        "good does not fall due at 2001-01-01T00:00:01Z by its present schedule; the next due instant after that is "
    )


def test_status_is_one_screen_and_exits_1_when_something_is_wrong(world: Path, call: Call) -> None:
    """The failing job with the end of its output is what is wrong here."""
    said = call(world, "status")
    view = call(world, "status", "--json").json
    run = _run_of(call, world, "bad")
    assert said.code == 1
    assert len(said.out.splitlines()) <= 24
    assert view["problems"] == [{"what": f"bad failed: {run['id']}", "fix": "`octojobs logs bad`"}]
    assert view["failures"][0]["tail"] == ["one", "^[[31mtwo"]
    assert (view["healthy"], view["daemon"]) == (False, None)
    assert f"  bad failed: {run['id']}; `octojobs logs bad`\n" in said.out


def test_list_shows_how_each_job_went(world: Path, call: Call) -> None:
    """The last outcome, and a remark where it failed."""
    lines = {line.split("\t")[0]: line.split("\t") for line in call(world, "list").out.splitlines()}
    assert (lines["good"][3], lines["bad"][3], lines["bad"][4]) == ("succeeded", "failed", "failed last time")


def test_a_run_without_a_daemon_happens_here_with_its_output(repo: Path) -> None:
    """`run-now` takes the repository for that one run; exit 0 when it succeeds."""
    done = octojobs(repo, "run-now", "asked")
    run = done.stdout.splitlines()[0]
    assert done.returncode == 0
    assert run.startswith("asked@")
    assert done.stdout.splitlines()[1].startswith(f"{run} succeeded after ")
    assert done.stderr == f"{run} runs here: no daemon does\n"


def test_a_run_by_hand_says_what_it_waits_for(tmp_path: Path) -> None:
    """Without a daemon it is in the foreground until its guards hold: a person would wonder."""
    jobs = "jobs: {gated: {manual: true, command: 'true', conditions: [{file_exists: {path: go}}]}}\n"
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": jobs})
    assert octojobs(repo, "allow", "--yes").returncode == 0
    here = start_octojobs(repo, "run-now", "gated")
    try:
        wait_until(lambda: "waits: file_exists(path: go): go is not there\n" in output_of(repo).read_text(), what="the reason")
    finally:
        here.send_signal(signal.SIGINT)
        here.wait(20)
    assert output_of(repo).read_text().endswith("octojobs: interrupted; the run stays open, and the next daemon or tick goes on with it\n")


def test_a_failing_run_by_hand_is_exit_1(repo: Path) -> None:
    """So that scripts can tell; `retry` names what it repeats."""
    assert octojobs(repo, "run-now", "bad").returncode == 1
    again = octojobs(repo, "retry", "bad")
    assert again.returncode == 1
    assert "exit code 3" in again.stdout


def test_a_dry_run_shows_the_command_and_its_environment(world: Path, call: Call) -> None:
    """What the job would see, and what its conditions say; nothing starts."""
    said = call(world, "run-now", "guarded", "--dry-run")
    assert said.out.startswith(f"would run: sh -c true\nin: {world}\ncondition file_exists(path: no/such/file): failed: ")
    assert "  OCTOJOBS_JOB=guarded\n" in said.out
    assert call(world, "runs", "--status", "running").err == "no runs like that\n"


def test_what_is_said_of_a_run_begins_a_line_of_its_own(tmp_path: Path) -> None:
    """Also after output that ends without a newline."""
    repo = make_repository(tmp_path, {".octopoid/jobs.yaml": "jobs: {glued: {manual: true, command: 'printf end'}}\n"})
    assert octojobs(repo, "allow", "--yes").returncode == 0
    lines = octojobs(repo, "run-now", "glued").stdout.splitlines()
    assert lines[0] == "end"
    assert lines[1].startswith("glued@")


@pytest.fixture
def served(repo: Path) -> Iterator[Path]:
    """The repository with a daemon in the background."""
    up = octojobs(repo, "up", "--detach")
    assert up.returncode == 0, up.stderr
    yield repo
    octojobs(repo, "down", "--kill")


def test_a_daemon_starts_what_is_asked_for_and_ends_what_is_cancelled(served: Path) -> None:
    """`up --detach`, `run-now`, `runs`, `cancel`, `why`, `down`: one after the other, each saying what happened."""
    asked = octojobs(served, "run-now", "slow")
    run = asked.stdout.split(" ")[0]
    assert asked.returncode == 0, asked.stderr
    wait_until(lambda: octojobs(served, "logs", "slow").stdout == "begun\n")
    view = json.loads(octojobs(served, "status", "--json").stdout)
    assert view["daemon"]["role"] == "up"
    assert [one["id"] for one in view["running"]] == [run]
    assert octojobs(served, "retry", run).stderr == f"octojobs: {run} is still open: it is running; `octojobs cancel {run}` ends it\n"
    assert octojobs(served, "cancel", "slow", "--dry-run").stdout == f"{run} would be cancelled; it is running\n"
    assert octojobs(served, "cancel", "slow").stdout == f"{run} was cancelled\n"
    ended = octojobs(served, "cancel", run)
    assert (ended.returncode, ended.stderr) == (1, f"octojobs: {run} has ended: cancelled\n")
    waited = octojobs(served, "run-now", "asked", "--wait")
    assert waited.returncode == 0
    assert waited.stdout.splitlines()[1] == waited.stdout.split(" ")[0]


def test_a_second_daemon_is_refused_and_down_stops_the_first(served: Path) -> None:
    """Exit 3, naming the holder; `down` waits until it is gone."""
    second = octojobs(served, "up")
    assert second.returncode == 3
    held = r"octojobs: this repository is held by `octojobs up` \(pid \d+, since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\); "
    assert re.match(held, second.stderr)
    assert octojobs(served, "down", "--dry-run").stdout.endswith(" would be stopped\n")
    assert octojobs(served, "down").stdout.startswith("stopped `octojobs up` (pid ")
    assert octojobs(served, "down").stdout == "no daemon runs\n"
