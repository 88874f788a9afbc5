"""A state folder that can't be read or written, or that was emptied: each verb says so, and what to do about it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from octojobs.file_systems import filesystem_of
from tests.helpers import environment, home_of, make_repository, octojobs, script

JOBS = 'jobs: {a: {interval: 1h, command: "true"}, b: {interval: 1h, command: "true"}}\n'
FIX = "make it yours (was octojobs called by another user, or by sudo?), or choose another folder with --state-dir"
WRITING = {
    "tick": "use",
    "up --once": "use",
    "run-now a": "use",
    "pause a": "leave a request in",
}
READING = ("status", "why a", "doctor")

needs_permissions = pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which("setpriv") is None, reason="the superuser may read and write everything, and there is no setpriv"
)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository in which both jobs have run once."""
    repository = make_repository(tmp_path, {".octopoid/jobs.yaml": JOBS})
    octojobs(repository, "allow", "--yes")
    assert octojobs(repository, "up", "--once").returncode == 0
    return repository


def state(repo: Path) -> Path:
    """The state folder."""
    return repo / ".git/octojobs"


def as_user(repo: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and complaints of a call whom file modes bind: the superuser gives up its capabilities."""
    plain = ["setpriv", "--bounding-set=-all"] if os.geteuid() == 0 else []
    command = [*plain, script(), *arguments]
    done = subprocess.run(command, cwd=repo, env=environment(home_of(repo)), capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr


@needs_permissions
def test_a_state_folder_that_can_not_be_written_is_said_before_anything_starts(repo: Path) -> None:
    """With the remedy that helps; looking goes on."""
    state(repo).chmod(0o500)
    try:
        said = {verb: as_user(repo, *verb.split()) for verb in WRITING}
        log = as_user(repo, "up", "--detach")
        looked = as_user(repo, "list")
    finally:
        state(repo).chmod(0o700)
    assert said == {verb: (1, f"octojobs: can't {what} {state(repo)}: Permission denied; {FIX}\n") for verb, what in WRITING.items()}
    assert log == (1, f"octojobs: can't write {state(repo)}/daemon.log: Permission denied; {FIX}\n")
    assert looked == (0, "")


@needs_permissions
@pytest.mark.parametrize(("name", "allowed"), [(".", 0), (".", 0o400), ("journal.jsonl", 0)])
def test_a_state_that_can_not_be_read_is_said_by_every_verb_that_needs_it(repo: Path, name: str, allowed: int) -> None:
    """The folder itself, or a file that another user left in it."""
    place = state(repo) / name
    mode = place.stat().st_mode
    place.chmod(allowed)
    try:
        said = {verb: as_user(repo, *verb.split()) for verb in (*READING, *WRITING)}
    finally:
        place.chmod(mode)
    assert said == dict.fromkeys((*READING, *WRITING), (1, f"octojobs: can't read {place}: Permission denied; {FIX}\n"))


def test_a_state_that_is_gone_while_its_runs_are_there_is_no_quiet_new_beginning(repo: Path) -> None:
    """`doctor`, `status` and whoever begins anew say so; afterwards there is a state again."""
    for path in state(repo).iterdir():
        if path.name not in ("runs", "requests", "daemon.lock", "repository"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    what = "no state was found although runs/ has 2 runs: what ran, and up to when, is not known, so every job is as if it were new"
    doctor, status = octojobs(repo, "doctor"), octojobs(repo, "status")
    assert (doctor.returncode, f"wrong  state: {what}\n" in doctor.stdout) == (5, True)
    assert (status.returncode, f"the state is damaged: {what}; `octojobs doctor` tells more\n" in status.stdout) == (1, True)
    begun = octojobs(repo, "tick")
    assert begun.returncode == 0
    assert begun.stderr.splitlines()[0] == f"octojobs: recovered state: {what}"
    assert what not in octojobs(repo, "doctor").stdout
    assert "recovered" not in octojobs(repo, "tick").stderr


@pytest.mark.skipif(filesystem_of(Path("/dev/shm")) != "tmpfs", reason="needs a memory file system that is there")
def test_every_verb_that_writes_state_itself_can_be_told_to_accept_a_memory_file_system(repo: Path) -> None:
    """The refusal names the option, so each of them has it: where no daemon runs, they are the writers."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as shared:
        place = ("--state-dir", f"{shared}/state")
        refused = octojobs(repo, "run-now", "a", *place)
        assert refused.returncode == 2
        assert refused.stderr.endswith("or accept that with --allow-network-fs\n")
        for verb in (("run-now", "a"), ("retry", "a"), ("pause", "a"), ("resume", "a")):
            done = octojobs(repo, *verb, *place, "--allow-network-fs")
            assert (done.returncode, verb) == (0, verb), done.stderr
        assert octojobs(repo, "cancel", "a", *place, "--allow-network-fs").stderr.startswith("octojobs: no run of a is open; ")
