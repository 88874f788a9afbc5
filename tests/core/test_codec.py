"""The codec: whatever the journal and the state hold comes back as it was, and what was not written by us is refused by its name."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from octojobs.core.codec import KINDS, NotDecodable, decode, encode, format_instant, parse_instant
from octojobs.core.events import Event, JobSeen, NotRun, RunClaimed
from octojobs.core.guards import AnyOf, Condition, Guard, Not
from octojobs.core.identity import JobId
from octojobs.core.job import CommandAction, Job, Limits
from octojobs.core.ledger import JobState, Pause
from octojobs.core.run import Attempt, Process, Run
from octojobs.core.when import IntervalWhen, ManualWhen
from tests.strategies import json_values, values

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def through_json(kind: Any, value: Any) -> Any:
    """The value after a trip to a file and back."""
    return decode(kind, json.loads(json.dumps(encode(value))))


@given(values(Event))
def test_every_event_comes_back_as_it_was(event: Event) -> None:
    """All kinds of them, with runs, jobs, guards and attempts inside."""
    assert through_json(Event, event) == event


@pytest.mark.parametrize("kind", [Job, Run, JobState, Pause, Attempt, Process, Guard], ids=str)
@settings(max_examples=100)
@given(data=st.data())
def test_every_part_of_the_state_comes_back_as_it_was(kind: Any, data: st.DataObject) -> None:
    """Whatever its fields hold."""
    value = data.draw(values(kind))
    assert through_json(kind, value) == value


@given(values(Event))
def test_a_field_at_its_default_is_left_out_and_a_member_of_a_union_says_what_it_is(event: Event) -> None:
    """The files stay small, and a reader in any language can tell the events apart."""
    data = encode(event)
    assert data["kind"] == type(event).__name__ == KINDS[type(event)]
    assert encode(decode(Event, data)) == data


@given(values(Event), st.text(min_size=1).map("x-".__add__), json_values)
def test_a_field_of_a_newer_version_is_left_aside(event: Event, name: str, value: Any) -> None:
    """Within one format, fields may be added."""
    assert decode(Event, {**encode(event), name: value}) == event


@given(st.sampled_from([Job, Run, Event, JobState, Guard]), json_values)
def test_whatever_is_not_of_the_shape_is_refused_and_never_a_crash(kind: Any, data: Any) -> None:
    """NotDecodable is the one answer to any JSON value."""
    try:
        decoded = decode(kind, data)
    except NotDecodable:
        return
    assert encode(decoded) is not None


@given(values(Event), st.data())
def test_a_value_of_another_shape_in_any_field_is_refused_and_never_a_crash(event: Event, data: st.DataObject) -> None:
    """A file that somebody edited is told apart from one that we wrote, or read as what it says."""
    encoded = encode(event)
    name = data.draw(st.sampled_from(sorted(encoded)))
    changed = {**encoded, name: data.draw(json_values)}
    try:
        decoded = decode(Event, changed)
    except NotDecodable:
        return
    assert isinstance(decoded, tuple(KINDS))


@pytest.mark.parametrize(
    ("kind", "data", "message"),
    [
        (Event, None, "None is none of RunBlocked, RunReady, "),
        (Event, {"kind": "Exploded"}, "{'kind': 'Exploded'} is none of RunBlocked, RunReady, "),
        (Event, {"kind": []}, "{'kind': []} is none of RunBlocked, RunReady, "),
        (JobSeen, [], "a JobSeen is an object, not list"),
        (JobSeen, {"job": "a", "cursor": "2026-11-20T12:00:00Z"}, "JobSeen.anchor is missing"),
        (JobSeen, {"job": 3}, "JobSeen.job: 3 is not a text"),
        (JobSeen, {"job": "../a"}, "JobSeen.job: '../a' is not a job name: a letter or _ first, then letters, digits, _ . -, 63 at most"),
        (JobSeen, {"job": "a", "cursor": "noon"}, "JobSeen.cursor: 'noon' is not an RFC 3339 instant"),
        (JobSeen, {"job": "a", "cursor": 7}, "JobSeen.cursor: 7 is not an RFC 3339 instant"),
        (JobSeen, {"job": "a", "cursor": "2026-11-20T12:00:00"}, "JobSeen.cursor: '2026-11-20T12:00:00' names no offset from UTC"),
        (JobSeen, {"job": "a", "cursor": "0001-01-01T00:00+14:00"}, "JobSeen.cursor: '0001-01-01T00:00+14:00' is not an RFC 3339 instant"),
        (NotRun, {"job": "a", "due": "2026-11-20T12:00:00Z", "outcome": "vanished"}, "NotRun.outcome: 'vanished' is not a valid Outcome"),
        (IntervalWhen, {"period_s": "60"}, "IntervalWhen.period_s: '60' is not a whole number"),
        (IntervalWhen, {"period_s": True}, "IntervalWhen.period_s: True is not a whole number"),
        (Limits, {"timeout_s": "60"}, "Limits.timeout_s: '60' is not a number"),
        (Attempt, {"number": 1, "outcome": "failed", "started_at": None, "ended_at": "2026-11-20T12:00:00Z", "void": 1},
         "Attempt.void: 1 is not true or false"),
        (CommandAction, {"command": {"a": 1}}, "CommandAction.command: {'a': 1} is none of a text, a list"),
        (AnyOf, {"guards": {}}, "AnyOf.guards: {} is not a list"),
        (Condition, {"name": "a", "args": []}, "Condition.args: [] is not an object"),
        (Not, {"guard": {"kind": "Condition"}}, "Not.guard: Condition.name is missing"),
        (RunClaimed, {"run": {"id": "a@20261120T120000Z", "definition": {"id": "a", "when": {"kind": "Never"}}}},
         "RunClaimed.run: Run.definition: Job.when: {'kind': 'Never'} is none of ScheduleWhen, IntervalWhen, ActivityWhen, AfterWhen"),
    ],
    ids=str,
)  # fmt: skip
def test_a_refusal_names_the_field_and_what_belongs_there(kind: Any, data: Any, message: str) -> None:
    """From the outermost field inwards."""
    with pytest.raises(NotDecodable) as refused:
        decode(kind, data)
    assert str(refused.value).startswith(message)


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_is_rfc_3339_in_utc_and_comes_back(at: datetime) -> None:
    """Microseconds only where there are some."""
    text = format_instant(at)
    assert (parse_instant(text), text.endswith("Z"), "." in text) == (at, True, at.microsecond > 0)


def test_an_instant_with_another_offset_is_the_same_instant() -> None:
    """Requests are written by other programs, too."""
    assert parse_instant("2026-11-20T13:00:00+01:00") == NOON


def test_a_whole_number_where_a_number_belongs_is_that_number() -> None:
    """JSON writers drop the `.0`."""
    assert decode(Limits, {"timeout_s": 60}) == Limits(timeout_s=60.0)


def test_a_plain_job_is_written_in_one_short_line() -> None:
    """Everything at its default is left out."""
    plain = Job(JobId("nightly"), ManualWhen(), CommandAction("make"))
    assert encode(plain) == {"id": "nightly", "when": {"kind": "ManualWhen"}, "action": {"kind": "CommandAction", "command": "make"}}
