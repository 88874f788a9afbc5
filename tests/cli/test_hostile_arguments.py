"""Arguments that name nothing: bytes that are no text, empty names, instants at the ends of time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Call
from tests.helpers import make_repository, octojobs

JOBS = "jobs: {a: {interval: 1d, command: 'true'}}\n"
BYTES = "\udcff"
"""How an argument of one byte, 0xFF, arrives."""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with exactly one run: a careless look-up would take it for any."""
    repo = make_repository(tmp_path_factory.mktemp("hostile"), {".octopoid/jobs.yaml": JOBS})
    assert octojobs(repo, "allow", "--yes").returncode == 0
    assert octojobs(repo, "tick").returncode == 0
    return repo


@pytest.fixture
def repo(ran: Path, at_home: Callable[[Path], Path]) -> Path:
    """The same for calls in this process."""
    return at_home(ran)


@pytest.mark.parametrize("verb", ["why", "pause", "resume", "runs", "inspect", "next", "run-now", "disable", "delete"])
def test_bytes_that_are_no_text_name_no_job(verb: str, repo: Path, call: Call) -> None:
    """Exit 2, and the bytes written out."""
    said = call(repo, verb, BYTES)
    assert said.code == 2
    assert 'there is no job "\\udcff"' in said.err


@pytest.mark.parametrize("verb", ["cancel", "retry", "logs"])
@pytest.mark.parametrize(
    ("text", "message"),
    [(BYTES, '"\\udcff" names no run'), ("", "no run is named"), (" ", "no run is named"), ("a b", '"a b" names no run')],
)
def test_what_names_no_run_starts_and_ends_none(verb: str, text: str, message: str, repo: Path, call: Call) -> None:
    """An empty variable of a script must not stand for the newest run of any job."""
    said = call(repo, verb, text)
    assert (said.code, said.err) == (2, f"octojobs: {message}; `octojobs runs` lists them\n")
    assert len(call(repo, "runs", "--json").json["runs"]) == 1


def test_text_for_people_has_to_be_text(repo: Path, call: Call) -> None:
    """It is written into files that are UTF-8."""
    assert call(repo, "pause", "a", "--reason", BYTES).err.startswith("octojobs pause: the reason is not UTF-8 text\n")
    for option in ("--command", "--tag"):
        said = call(repo, "create", "b", "--manual", "--command", "x", option, BYTES)
        assert said.code == 2
        assert said.err.startswith("octojobs create: a value is not UTF-8 text\n")


@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
@pytest.mark.parametrize("arguments", [["why", "a", "--at"], ["next", "a", "--from"], ["runs", "--since"]], ids=" ".join)
def test_an_instant_at_the_end_of_time_is_refused(instant: str, arguments: list[str], repo: Path, call: Call) -> None:
    """No arithmetic is tried on it."""
    said = call(repo, *arguments, instant)
    assert said.code == 2
    assert f"{instant!r} is outside the years 1970 to 9998" in said.err


@pytest.mark.parametrize("option", ["--repo", "--state-dir", "--jobs-file", "--source"])
def test_an_empty_option_does_not_stand_for_its_default(option: str, repo: Path, call: Call) -> None:
    """`--state-dir "$UNSET"` must not mean the current folder."""
    said = call(repo, "list", option, "")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"octojobs list: invalid value for '{option}': it is empty; ")


def test_an_empty_name_of_a_file_is_no_folder_to_check(repo: Path, call: Call) -> None:
    """`validate "$UNSET"` would say that all is well."""
    said = call(repo, "validate", "")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("octojobs validate: invalid value for '[FILES]...': it is empty; ")
