"""Names of jobs and runs: checked when they are made, safe as file names, and readable back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octojobs.core.identity import InvalidId, JobId, RunId
from tests.strategies import instants, job_ids

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@given(job_ids)
def test_a_job_s_name_is_one_safe_part_of_a_path(name: JobId) -> None:
    """It climbs nowhere, hides nothing, and has no need of quotes."""
    assert PurePosixPath("jobs", name).parts == ("jobs", name)
    assert (name[0] not in ".-", len(name.encode()) <= 63, name.isascii()) == (True, True, True)


@pytest.mark.parametrize(
    "text", ["", ".", "..", ".hidden", "-n", "9lives", "a/b", "a b", "a\n", "a@b", "a+b", "é", "a" * 64, "a\0"], ids=repr
)
def test_what_is_no_name_is_refused_in_words(text: str) -> None:
    """The message quotes it and says what is allowed."""
    with pytest.raises(InvalidId) as refused:
        JobId(text)
    assert str(refused.value) == f"{text!r} is not a job name: a letter or _ first, then letters, digits, _ . -, 63 at most"


@given(job_ids, instants(), st.sampled_from(["", "3f2c", "0000"]))
def test_a_run_s_id_tells_its_job_and_is_read_back_as_it_was_made(name: JobId, due: datetime, suffix: str) -> None:
    """Also the id of the command that follows it."""
    run = RunId.of(name, due, suffix)
    assert (RunId(str(run)), run.job) == (run, name)
    assert [run.follow_up(event).job for event in ("on_success", "on_failure")] == [name, name]


def test_a_run_s_id_has_the_due_instant_in_utc_whatever_the_zone_it_is_given_in() -> None:
    """One instant, one id: it is the key of the run."""
    berlin = NOON.astimezone(timezone(timedelta(hours=1)))
    assert RunId.of(JobId("nightly"), berlin) == RunId.of(JobId("nightly"), NOON) == "nightly@20261120T120000Z"


@given(st.lists(st.tuples(job_ids, instants(), st.sampled_from(["", "3f2c", "0a0b"])), unique=True, min_size=2, max_size=8))
def test_different_runs_have_different_ids(runs: list[tuple[JobId, datetime, str]]) -> None:
    """A job, an instant and a suffix make one id, and no other three make it."""
    assert len({RunId.of(*run) for run in runs}) == len(runs)


@pytest.mark.parametrize(
    "text",
    [
        "nightly",
        "nightly@",
        "nightly@20261120T120000",
        "nightly@20261120T120000Z-3F2C",
        "nightly@20261120T120000Z-3f2",
        "nightly@20261120T120000Z+on_end",
        "nightly@20261120T120000Z+on_failure+on_failure",
        "../x@20261120T120000Z",
        "nightly@20261120T120000Z\n",
    ],
)
def test_what_is_no_run_id_is_refused_in_words(text: str) -> None:
    """The message quotes it and shows one."""
    with pytest.raises(InvalidId) as refused:
        RunId(text)
    assert str(refused.value) == f"{text!r} is not a run id such as nightly@20261120T020000Z"
