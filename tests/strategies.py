"""Worlds for the properties of the core: expressions, zones, instants, jobs and ledgers, as hypothesis draws them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from octojobs.core.guards import Condition
from octojobs.core.identity import JobId
from octojobs.core.job import (
    Action,
    AfterWhen,
    AgentAction,
    CatchUp,
    CommandAction,
    IntervalWhen,
    Job,
    ManualWhen,
    Overlap,
    Priority,
    ScheduleWhen,
    When,
)

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
