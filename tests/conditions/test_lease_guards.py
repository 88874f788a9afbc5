"""no_active_leases and lease_free read who holds what, bound to a process or to a term."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from octojobs.core.guards import Status
from octojobs.core.lease import Lease, NotALease, from_json, to_json
from octojobs.core.run import Process
from octojobs.platform import boot_id, start_ticks
from tests.facts.world import clock, context_of, expect, now, process_in
from tests.helpers import write

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
UNTIL = datetime(2026, 11, 20, 13, 0, tzinfo=UTC)


def put(repo: Path, lease: Lease | dict[str, Any] | str, name: str = "one") -> None:
    """The lease in a file, as those who take one write it."""
    text = lease if isinstance(lease, str) else json.dumps(to_json(lease) if isinstance(lease, Lease) else lease)
    write(repo / f".git/octojobs/leases/{name}.json", text)


def process_of(pid: int) -> Process:
    """What tells this process from any other."""
    return Process(pid, start_ticks(pid) or 0, boot_id())


def test_without_leases_nobody_holds_one(repo: Path) -> None:
    """There need not be a folder for them."""
    expect(context_of(repo), "no_active_leases", Status.PASSED, "nobody holds a lease")
    expect(context_of(repo), "lease_free", Status.PASSED, "nobody holds task 7e0e8c52", task="7e0e8c52")


def test_a_lease_with_a_term_holds_until_then(repo: Path) -> None:
    """The evidence says who holds what, since when, until when."""
    put(repo, Lease("ada", name="deploy", since=NOON.replace(hour=11), until=UNTIL))
    expect(context_of(repo, NOON), "no_active_leases", Status.FAILED, "ada holds name deploy, since 11:00, until 13:00")
    expect(context_of(repo, UNTIL), "no_active_leases", Status.PASSED, "nobody holds a lease")


def test_a_lease_with_a_process_holds_while_that_very_process_lives(repo: Path) -> None:
    """Whatever its term says; a pid that somebody else has by now holds nothing."""
    with process_in(repo) as pid:
        since = now()
        put(repo, Lease("implementer-1", task="7e0e8c52", process=process_of(pid), since=since, until=NOON))
        words = f"implementer-1 holds task 7e0e8c52, pid {pid}, since {clock(since)}"
        expect(context_of(repo), "no_active_leases", Status.FAILED, words)
        put(repo, Lease("implementer-1", task="7e0e8c52", process=Process(pid, 1, boot_id())))
        expect(context_of(repo), "no_active_leases", Status.PASSED, "nobody holds a lease")
        put(repo, Lease("implementer-1", task="7e0e8c52", process=process_of(pid)))
    expect(context_of(repo), "no_active_leases", Status.PASSED, "nobody holds a lease")


@pytest.mark.parametrize(
    ("held", "asked", "shown"),
    [
        ({"task": "7e0e8c52"}, {"task": "7e0e8c52"}, "task 7e0e8c52"),
        ({"name": "deploy"}, {"name": "deploy"}, "name deploy"),
        ({"branch": "refs/heads/fix-1"}, {"branch": "refs/heads/fix-1"}, "branch fix-1"),
        ({"branch": "fix-1"}, {"branch": "refs/heads/fix-1"}, "branch fix-1"),
        ({"worktree": "{repo}/trees/fix"}, {"worktree": "trees/fix"}, "worktree {repo}/trees/fix"),
        ({"worktree": "{repo}/trees/fix", "name": "x"}, {"worktree": "trees/../trees/fix"}, "name x, worktree {repo}/trees/fix"),
    ],
)
def test_lease_free_asks_about_one_thing(repo: Path, held: dict[str, str], asked: dict[str, str], shown: str) -> None:
    """However it is written; leases on other things don't matter."""
    here = {kind: value.replace("{repo}", str(repo)) for kind, value in held.items()}
    put(repo, {"v": 1, "holder": "ada", "until": "2026-11-20T13:00:00Z", **here})
    put(repo, Lease("bob", task="another", name="another", branch="refs/heads/another", until=UNTIL), "two")
    words = f"ada holds {shown.replace('{repo}', str(repo))}, until 13:00"
    expect(context_of(repo, NOON), "lease_free", Status.FAILED, words, **asked)
    ((kind, wanted),) = asked.items()
    free = f"nobody holds {kind} {wanted.removeprefix('refs/heads/')}1"
    expect(context_of(repo, NOON), "lease_free", Status.PASSED, free, **{kind: f"{wanted}1"})


def test_a_lease_that_cannot_be_read_may_be_the_one(repo: Path) -> None:
    """Unless another one holds for certain."""
    put(repo, '{"v": 1, "holder": "a')
    words = "can't tell who holds what: lease one.json is not valid JSON"
    expect(context_of(repo, NOON), "no_active_leases", Status.UNKNOWN, words)
    expect(context_of(repo, NOON), "lease_free", Status.UNKNOWN, words, task="t")
    put(repo, Lease("ada", task="t", until=UNTIL), "two")
    expect(context_of(repo, NOON), "lease_free", Status.FAILED, "ada holds task t, until 13:00", task="t")
    expect(context_of(repo, NOON), "lease_free", Status.UNKNOWN, words, task="another")


def test_a_temporary_file_of_a_writer_is_no_lease(repo: Path) -> None:
    """It is not in place yet."""
    write(repo / ".git/octojobs/leases/.one.json.4711", "{")
    write(repo / ".git/octojobs/leases/one.json.tmp", "{")
    expect(context_of(repo), "no_active_leases", Status.PASSED, "nobody holds a lease")


def test_what_is_written_is_what_is_read() -> None:
    """The form in the file, and back."""
    lease = Lease("ada", "t", "n", "refs/heads/b", "/w", ("src/**",), Process(7, 8, "boot"), NOON, UNTIL)
    assert to_json(lease) == {
        "v": 1,
        "holder": "ada",
        "task": "t",
        "name": "n",
        "branch": "refs/heads/b",
        "worktree": "/w",
        "paths": ["src/**"],
        "pid": 7,
        "start_ticks": 8,
        "boot_id": "boot",
        "since": "2026-11-20T12:00:00Z",
        "until": "2026-11-20T13:00:00Z",
    }
    assert from_json({**to_json(lease), "of a later version": 1}) == lease
    assert lease.what == "task t, name n, branch b, worktree /w, paths src/**"


def test_a_lease_that_says_nothing_of_its_end_is_none() -> None:
    """Nobody could ever say that it is over."""
    with pytest.raises(NotALease, match=r"^names neither a process nor a term$"):
        from_json({"v": 1, "holder": "ada"})
