"""The agenda against a plain dictionary: whatever is put and taken, in any order."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from octojobs.core.identity import JobId
from octojobs.engine.agenda import Agenda
from tests.fakes import START

JOBS = st.sampled_from([JobId(name) for name in "abcd"])
INSTANTS = st.integers(0, 20).map(lambda seconds: START + timedelta(seconds=seconds))
STEPS = st.lists(st.tuples(st.just("put"), JOBS, st.none() | INSTANTS) | st.tuples(st.just("take"), st.none(), INSTANTS), max_size=40)


@given(STEPS)
def test_the_agenda_is_a_dictionary_that_knows_its_least(steps: list[tuple[str, JobId | None, datetime | None]]) -> None:
    """The last instant put counts; what is taken is gone; entries that were overtaken never surface."""
    agenda, model = Agenda(), dict[JobId, datetime]()
    for what, job, at in steps:
        if job is not None:
            agenda.put(job, at)
            model.pop(job, None)
            model |= {} if at is None else {job: at}
        elif at is not None:
            taken = agenda.take(at)
            assert (what, len(set(taken))) == ("take", len(taken))
            assert set(taken) == {name for name, due in model.items() if due <= at}
            assert [model[name] for name in taken] == sorted(model.pop(name) for name in taken)
        assert agenda.wake_at() == min(model.values(), default=None)
        assert {name: agenda.next_of(name) for name in map(JobId, "abcd")} == {name: model.get(name) for name in map(JobId, "abcd")}


def test_a_job_that_is_put_at_the_same_instant_again_is_taken_once() -> None:
    """A burst of news about one job is one look at it."""
    agenda = Agenda()
    for _ in range(3):
        agenda.put(JobId("a"), START)
    assert (agenda.take(START), agenda.take(START), agenda.wake_at()) == ([JobId("a")], [], None)


def test_an_instant_that_comes_back_after_another_is_taken_once() -> None:
    """Put off and brought forward again: the entry of the first time lies still in the heap."""
    agenda = Agenda()
    for at in (START, START + timedelta(hours=1), START):
        agenda.put(JobId("a"), at)
    assert (agenda.take(START + timedelta(hours=2)), agenda.wake_at()) == ([JobId("a")], None)


@given(st.dictionaries(JOBS, INSTANTS), INSTANTS, st.integers(0, 5))
def test_the_agenda_tells_what_is_due_by_an_instant(puts: dict[JobId, datetime], at: datetime, most: int) -> None:
    """All is made ready for the jobs that are due together, up to a bound."""
    agenda = Agenda()
    for job, due in puts.items():
        agenda.put(job, due)
    soon = {job for job, due in puts.items() if due <= at}
    assert set(agenda.until(at)) == soon
    assert len(list(islice(agenda.until(at), most))) == min(most, len(soon))
