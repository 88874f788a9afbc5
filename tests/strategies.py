"""Worlds for the properties of the core: expressions, zones, instants, jobs and ledgers, as hypothesis draws them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from types import UnionType
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from octojobs.core.guards import Condition
from octojobs.core.identity import JOB_ID, JobId, RunId
from octojobs.core.job import Action, AgentAction, CatchUp, CommandAction, Job, Overlap, Priority
from octojobs.core.when import ActivityWhen, AfterWhen, IntervalWhen, ManualWhen, ScheduleWhen, When

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "America/Havana",
    "Africa/Casablanca",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Pacific/Apia",
    "Pacific/Chatham",
)
"""A plain one, common ones, and those with the odd rules."""

START = datetime(2026, 1, 1, tzinfo=UTC)
"""Where the worlds begin."""


@st.composite
def fields(draw: st.DrawFn, low: int, high: int, *, star: int = 1) -> str:
    """One field of numbers; `star` in five is how often it is `*`."""
    kind = draw(st.integers(0, 4))
    if kind < star:
        return "*"
    if kind == star:
        return f"*/{draw(st.integers(1, high))}"
    items = []
    for _ in range(draw(st.integers(1, 3))):
        first = draw(st.integers(low, high))
        last = draw(st.integers(first, high))
        if first == last:
            items.append(str(first))
        else:
            items.append(f"{first}-{last}" + (f"/{draw(st.integers(1, high))}" if draw(st.booleans()) else ""))
    return ",".join(items)


@st.composite
def expressions(draw: st.DrawFn) -> str:
    """Five fields of numbers that fire at least once a month."""
    days = draw(fields(1, 28, star=3))
    months = "*" if draw(st.integers(0, 3)) else draw(fields(1, 12))
    weekdays = draw(fields(0, 7, star=3))
    return f"{draw(fields(0, 59))} {draw(fields(0, 23))} {days} {months} {weekdays}"


zones = st.sampled_from(ZONES)


def instants(start: datetime = START, days: int = 366) -> st.SearchStrategy[datetime]:
    """Aware UTC seconds within so many days of the start."""
    return st.integers(0, days * 86_400).map(lambda seconds: start + timedelta(seconds=seconds))


whens: st.SearchStrategy[When] = st.one_of(
    st.integers(1, 7200).map(IntervalWhen),
    st.builds(ActivityWhen, *[st.integers(60, 7200)] * 3, st.sampled_from((None, (0, 420), (1320, 360)))),
    st.integers(1, 7200).map(AfterWhen),
    st.lists(expressions(), min_size=1, max_size=2).map(lambda entries: ScheduleWhen(tuple(entries))),
    instants().map(lambda at: ScheduleWhen((f"@once {at:%Y-%m-%dT%H:%M:%SZ}",))),
    st.just(ManualWhen()),
)


actions: st.SearchStrategy[Action] = st.sampled_from([CommandAction("true"), CommandAction("true"), AgentAction("look")])


@st.composite
def jobs(draw: st.DrawFn, name: str = "job", when: st.SearchStrategy[When] = whens) -> Job:
    """A job with any policy."""
    optional = st.none() | st.integers(1, 2 * 86_400)
    return Job(
        JobId(name),
        draw(when),
        draw(actions),
        enabled=draw(st.integers(0, 9)) > 0,
        timezone=draw(zones),
        jitter_s=draw(st.sampled_from((0, 0, 0, 30, 600))),
        conditions=draw(st.sampled_from(((), (), (Condition("not_paused"),)))),
        overlap=draw(st.sampled_from(Overlap)),
        max_instances=draw(st.integers(1, 3)),
        catch_up=draw(st.sampled_from(CatchUp)),
        catch_up_window_s=draw(optional),
        start_deadline_s=draw(optional),
        priority=draw(st.sampled_from(Priority)),
        run_when_paused=draw(st.booleans()),
    )


job_ids: st.SearchStrategy[JobId] = st.from_regex(JOB_ID, fullmatch=True).map(JobId)
run_ids: st.SearchStrategy[RunId] = st.builds(
    lambda job, due, suffix, event: RunId.of(job, due, suffix).follow_up(event) if event else RunId.of(job, due, suffix),
    job_ids,
    instants(),
    st.sampled_from(("", "3f2c")),
    st.sampled_from(("", "", "on_start", "on_failure")),
)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    Any: json_values,
    JobId: job_ids,
    RunId: run_ids,
    bool: st.booleans(),
    datetime: st.datetimes(timezones=st.just(UTC)),
    float: st.floats(allow_nan=False, allow_infinity=False),
    int: st.integers(),
    str: st.text(max_size=10),
    type(None): st.none(),
}


@cache
def values(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of a type that the journal may hold: each field of a dataclass is drawn from its own type."""
    if hint in _PLAIN:
        return _PLAIN[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return st.one_of([values(argument) for argument in arguments])
    if origin is tuple:
        return st.lists(values(arguments[0]), max_size=2).map(tuple)
    if origin is not None and issubclass(origin, Mapping):
        return st.dictionaries(values(arguments[0]), values(arguments[1]), max_size=2)
    if is_dataclass(hint):
        # deferred: a guard may hold guards
        return st.deferred(lambda: _instances(cast(type, hint)))
    return st.sampled_from(hint)


@cache
def _instances(kind: Any) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind)
    return st.builds(kind, **{field.name: values(hints[field.name]) for field in dataclass_fields(kind)})
