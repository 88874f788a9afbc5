"""`lease`: what it prints, for people and for programs, and how it exits."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Call
from tests.cli.test_tasks import check
from tests.helpers import make_repository, write


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository in which nothing was allowed: leases start nothing."""
    return make_repository(tmp_path, {"README.md": "x\n"})


AT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


def test_a_lease_is_taken_refused_to_others_and_given_back(repo: Path, call: Call) -> None:
    """Standard output is the name alone, for a script; who is refused is told who holds it."""
    taken = call(repo, "lease", "take", "--branch", "main", "--path", "src/**", "--for", "1h", "--holder", "ada")
    name = taken.out.strip()
    assert re.fullmatch(r"branch-main-[0-9a-f]{8}", name)
    assert re.fullmatch(rf"branch main, paths src/\*\* is held by ada until {AT}\n", taken.err)
    refused = call(repo, "lease", "take", "--path", "src/a.py", "--for", "1h", "--holder", "bob")
    assert (refused.code, refused.out) == (1, "")
    assert re.fullmatch(rf"octojobs: paths src/\*\* is held by ada, since {AT}, until {AT}\n", refused.err)
    assert re.fullmatch(rf"{name}\theld\tada\tbranch main, paths src/\*\*\t{AT}\t{AT}\n", call(repo, "lease", "list").out)
    assert call(repo, "lease", "release", name, "--dry-run").out == f"{name} would be given back: branch main, paths src/**\n"
    assert call(repo, "lease", "release", name).out == f"{name} is given back: branch main, paths src/**\n"
    assert call(repo, "lease", "list").err == "nobody holds a lease\n"
    again = call(repo, "lease", "release", name)
    assert (again.code, again.err) == (2, f"octojobs: there is no lease {name}; `octojobs lease list` shows them\n")


def test_a_lease_is_bound_to_a_process(repo: Path, call: Call) -> None:
    """It is named where the end of a term would stand."""
    me = os.getpid()
    taken = call(repo, "lease", "take", "--worktree", ".", "--pid", str(me), "--holder", "agent-1")
    assert taken.err == f"worktree {repo} is held by agent-1 as long as pid {me} lives\n"
    assert call(repo, "lease", "list").out.endswith(f"\tpid {me} ends\n")
    refused = call(repo, "lease", "take", "--worktree", str(repo / ".git/.."), "--for", "1h")
    assert re.fullmatch(rf"octojobs: worktree {repo} is held by agent-1, pid {me}, since {AT}\n", refused.err)


def test_a_dry_run_takes_nothing(repo: Path, call: Call) -> None:
    """It says whether it would."""
    said = call(repo, "lease", "take", "--name", "deploy", "--for", "1h", "--dry-run")
    assert (said.code, said.out) == (0, "name deploy is free\n")
    call(repo, "lease", "take", "--name", "deploy", "--for", "1h")
    assert call(repo, "lease", "take", "--name", "deploy", "--for", "1h", "--dry-run").code == 1
    assert len(call(repo, "lease", "list", "--json").json["leases"]) == 1


def test_a_lease_is_renewed_by_its_holder(repo: Path, call: Call) -> None:
    """The name stays."""
    take = ("lease", "take", "--name", "deploy", "--renew", "--holder", "ada", "--for")
    first = call(repo, *take, "1h").out
    before = call(repo, "lease", "list", "--json").json["leases"][0]
    assert call(repo, *take, "3h").out == first
    after = call(repo, "lease", "list", "--json").json["leases"][0]
    assert after["until"] > before["until"]
    assert {**after, "until": ""} == {**before, "until": ""}


def test_every_verb_says_it_in_json(repo: Path, call: Call) -> None:
    """As schemas/verbs.schema.json has it, key for key; the exit code is the same."""
    taken = call(repo, "lease", "take", "--task", "7e0e", "--for", "1h", "--json").json
    refused = call(repo, "lease", "take", "--task", "7e0e", "--for", "1h", "--json")
    write(repo / ".git/octojobs/leases/odd.json", "{")
    listed = call(repo, "lease", "list", "--json").json
    given = call(repo, "lease", "release", taken["lease"]["lease"], "--json").json
    for verb, value in (("take", taken), ("take", refused.json), ("list", listed), ("release", given)):
        check(f"lease_{verb}", value)
    assert (refused.code, refused.json["lease"], refused.json["held_by"]) == (1, None, taken["lease"])
    assert refused.json["reason"].startswith("task 7e0e is held by ")
    assert [one["holds"] for one in listed["leases"]] == [None, True]
    assert listed["leases"][0]["problem"] == "lease odd.json is not valid JSON"
    assert call(repo, "lease", "list").out == "odd\tunknown\t-\tlease odd.json is not valid JSON\t-\t-\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--for 1h", "what is to be held?; say --task, --name, --branch, --worktree or --path"),
        ("--name x", "how long is it held?; say --for DURATION, or --pid PID for as long as that process lives"),
        ("--name x --for 1h --pid 1", "how long is it held?; say --for DURATION, or --pid PID for as long as that process lives"),
        ("--name x --pid 4194305", "there is no process 4194305"),
        ("--name ../x --for 1h", "'../x' is not a name; write letters, digits, _ . @ + -, no sign first, 127 at most"),
        ("--branch a..b --for 1h", "'a..b' is not a branch; write its name, such as main, or in full, refs/heads/main"),
        ("--branch refs/tags/v1 --for 1h", "'refs/tags/v1' is not a branch; write its name, such as main, or in full, refs/heads/main"),
        ("--path ../x --for 1h", "'../x' is not a path in the repository; write it from the root on, such as src/** or docs/index.md"),
        ("--path !x --for 1h", "'!x' leaves paths out, and a hold can't; name what is held, such as src/**"),
        ("--task a/b --for 1h", "'a/b' is not a task id: letters, digits, _ and -, 63 at most"),
    ],
)
def test_what_can_t_be_held_is_refused(arguments: str, message: str, repo: Path, call: Call) -> None:
    """Exit 2, and what to write instead."""
    said = call(repo, "lease", "take", *arguments.split(" "))
    assert (said.code, said.err) == (2, f"octojobs: {message}\n")
    assert call(repo, "lease", "list").err == "nobody holds a lease\n"


def test_what_has_another_end_is_not_given_back(repo: Path, call: Call) -> None:
    """The lease of a claimed task, and that of a run."""
    task = call(repo, "enqueue", "Mend it", "--json").json["task"]["id"]
    call(repo, "task", "claim", task)
    refused = call(repo, "lease", "release", f"task-{task}")
    expected = f"octojobs: task-{task} is the lease of a claimed task; `octojobs task requeue {task}` takes the task back\n"
    assert (refused.code, refused.err) == (1, expected)
    run = "nightly@20261120T020000Z"
    write(repo / f".git/octojobs/leases/run-{run}.json", f'{{"holder": "{run}", "name": "x", "until": "2999-01-01T00:00:00Z"}}')
    refused = call(repo, "lease", "release", f"run-{run}")
    expected = f"octojobs: run-{run} is held by a run; `octojobs cancel {run}` ends the run, and its lease with it\n"
    assert (refused.code, refused.err) == (1, expected)


def test_a_task_that_somebody_holds_by_hand_is_not_claimed_by_another(repo: Path, call: Call) -> None:
    """Whoever wants it is told who has it, and a claim of any task passes it by; the holder's own claim is not in the way."""
    call(repo, "enqueue", "first", "--source", "worktree")
    task = call(repo, "task", "list").out.split()[0]
    taken = call(repo, "lease", "take", "--task", task, "--for", "1h", "--holder", "ada").out.strip()
    refused = call(repo, "task", "claim", task, "--by", "bob")
    assert refused.code == 1
    assert re.search(rf"task {task} is held by ada, since {AT}, until {AT}; `octojobs lease release {taken}` gives it back\n", refused.err)
    assert call(repo, "task", "claim", "--by", "bob").out == ""
    assert call(repo, "task", "claim", task, "--by", "ada").code == 0
    assert call(repo, "lease", "release", taken).code == 0
    other = call(repo, "lease", "take", "--task", task, "--for", "1h", "--holder", "bob")
    assert re.fullmatch(rf"octojobs: task {task} is held by ada, since {AT}, until {AT}\n", other.err)


def test_a_time_that_is_too_long_ago_is_called_so(repo: Path, call: Call) -> None:
    """It is a duration all the same."""
    told = call(repo, "runs", "--since", "99999w")
    assert told.code == 2
    assert "99999w is more than a hundred years; write a shorter duration" in told.err
