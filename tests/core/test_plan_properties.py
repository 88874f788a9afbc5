"""The plan's properties, for any job, any ledger and any now; and each shown to fail when its rule is broken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import Phase as Stage
from hypothesis import example, given, settings
from hypothesis import strategies as st

from octojobs.core import catchup, sighting
from octojobs.core import plan as plan_module
from octojobs.core.catchup import MOST_CAUGHT_UP, CaughtUp, window_s
from octojobs.core.due import due, next_after
from octojobs.core.events import JobPaced, JobSeen, Paused
from octojobs.core.identity import JobId
from octojobs.core.job import CatchUp, CommandAction, Job, Overlap
from octojobs.core.ledger import Ledger
from octojobs.core.pace import first_pace
from octojobs.core.plan import Action, Plan, plan
from octojobs.core.sighting import schedule_of, sight
from octojobs.core.when import ActivityWhen, AfterWhen, IntervalWhen
from tests.core.worlds import World
from tests.strategies import START, instants, jobs

GRACE = timedelta(seconds=60)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Story:
    """Jobs, and the instants of the ticks that they live through."""

    jobs: tuple[Job, ...]
    ticks: tuple[datetime, ...]
    paused: bool


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Up to three jobs through up to four ticks, which may step back; sometimes paused."""
    names = ("a", "b", "c")[: draw(st.integers(1, 3))]
    first = draw(instants())
    steps = draw(st.lists(st.integers(-5 * 3600, 3 * 86_400) | st.integers(-90, 90), max_size=3))
    ticks = [first]
    for step in steps:
        ticks.append(ticks[-1] + timedelta(seconds=step, milliseconds=draw(st.integers(0, 999))))
    return Story(tuple(draw(jobs(name)) for name in names), tuple(ticks), draw(st.integers(0, 4)) == 0)


@st.composite
def late_stories(draw: st.DrawFn) -> Story:
    """A job with a narrow window, and a loop that was away for days: where a broken bound shows."""
    job = draw(jobs("a", st.integers(60, 7200).map(IntervalWhen)))
    job = replace(job, enabled=True, action=CommandAction("true"), catch_up=CatchUp.ALL, catch_up_window_s=600, overlap=Overlap.QUEUE_ALL)
    first = draw(instants())
    return Story((job,), (first, first + timedelta(seconds=draw(st.integers(3600, 5 * 86_400)))), paused=False)


def lived(story: Story, *, until: int | None = None) -> World:
    """The world after the story's ticks, those from `until` on left out."""
    world = World(story.jobs)
    if story.paused:
        world.tell(Paused(None, START, None, "deploy"))
    for now in story.ticks[:until]:
        world.tick(now)
    return world


def in_short(made: Plan) -> list[tuple[JobId, datetime, Action, int]]:
    """The decisions without their words."""
    return [(one.job, one.due, one.action, one.count) for one in made.decisions]


# ------------------------------------------------------------------------------------------------------------- the properties


def nothing_starts_in_the_future(story: Story) -> None:
    """Each decision is about an instant that has passed."""
    now = story.ticks[-1]
    made = plan(story.jobs, lived(story, until=-1).ledger, now)
    assert all(decision.due <= now for decision in made.decisions)
    assert all((decision.first_due or decision.due) <= decision.due for decision in made.decisions)


def planning_twice_starts_nothing_new(story: Story) -> None:
    """Recorded, the same instant brings nothing: no decision, no sighting, no correction."""
    world = lived(story)
    again = plan(story.jobs, world.ledger, story.ticks[-1])
    assert again == Plan(next_due=again.next_due)


def wake_at_is_after_now(story: Story) -> None:
    """And so is each job's next due instant: a loop that waits for it does not spin."""
    now = story.ticks[-1]
    made = plan(story.jobs, lived(story, until=-1).ledger, now)
    assert set(made.next_due) == {job.id for job in story.jobs}
    assert all(at > now for at in made.next_due.values() if at is not None)
    assert made.wake_at == min((at for at in made.next_due.values() if at is not None), default=None)


def every_due_instant_gets_exactly_one_decision(story: Story) -> None:
    """What lies in (cursor, now] is what the decisions count; oldest first, none twice."""
    now = story.ticks[-1]
    ledger = lived(story, until=-1).ledger
    made = plan(story.jobs, ledger, now)
    for job in story.jobs:
        state = sight(job, ledger.jobs.get(job.id), now).state
        if state is None or isinstance(job.when, AfterWhen):
            continue
        expected = due(schedule_of(job, state, now), state.cursor, now, 1_000_000)
        decisions = [one for one in made.decisions if one.job == job.id and one.due > state.cursor]
        covered = [at for one in decisions for at in expected if (one.first_due or one.due) <= at <= one.due]
        assert covered == list(expected)
        assert sum(one.count for one in decisions) == len(expected)


def adding_a_job_changes_no_other_plan(story: Story) -> None:
    """The plan over all jobs is the plans over each."""
    ledger = lived(story, until=-1).ledger
    together = plan(story.jobs, ledger, story.ticks[-1])
    apart = [plan([job], ledger, story.ticks[-1]) for job in story.jobs]
    assert together.decisions == tuple(one for made in apart for one in made.decisions)
    assert together.replaced == tuple(one for made in apart for one in made.replaced)
    assert together.next_due == {job: at for made in apart for job, at in made.next_due.items()}


def only_jobs_that_may_be_due_need_a_plan(story: Story) -> None:
    """The engine's heap offers no more, and loses nothing by it."""
    world = lived(story)
    known = plan(story.jobs, world.ledger, story.ticks[-1])
    now = story.ticks[-1] + timedelta(hours=1)
    may_be_due = [job for job in story.jobs if (at := known.next_due[job.id]) is not None and at <= now]
    assert in_short(plan(may_be_due, world.ledger, now)) == in_short(plan(story.jobs, world.ledger, now))


def catch_up_never_reaches_past_its_window(story: Story) -> None:
    """Nor does a start deadline; and `all` starts a hundred at most."""
    now = story.ticks[-1]
    made = plan(story.jobs, lived(story, until=-1).ledger, now)
    for job in story.jobs:
        starts = [one.due for one in made.decisions if one.job == job.id and one.action is Action.START]
        window, deadline = window_s(job), job.start_deadline_s
        assert len(starts) <= max(MOST_CAUGHT_UP, GRACE.seconds)
        for at in starts:
            assert window is None or now - at <= max(GRACE, timedelta(seconds=window))
            assert deadline is None or now - at <= timedelta(seconds=deadline)
            assert job.catch_up is not CatchUp.NONE or now - at < GRACE


def a_clock_that_steps_back_starts_nothing_twice(story: Story, back_s: int) -> None:
    """Up to three hours; until it is where it was, what ran does not run again, and what was skipped or missed stays so."""
    world = lived(story)
    now = max(story.ticks)
    world.tick(now)
    told = len(world.events)
    for part in (4, 3, 2, 1, 0):
        world.tick(now - timedelta(seconds=back_s) * part / 4)
    assert len(world.events) == told


def the_cadence_of_ticks_changes_no_outcome(job: Job, first: datetime, gaps: Sequence[int]) -> None:
    """Ticks less than a minute apart, runs that take no time: the same instants start, at whatever seconds the loop looks."""
    often, seldom = World([job]), World([job])
    last = first + timedelta(seconds=sum(gaps))
    for world in (often, seldom):
        world.tell(JobSeen(job.id, first, first, job.when.period_s if isinstance(job.when, IntervalWhen) else None))
        if isinstance(job.when, ActivityWhen):
            world.tell(JobPaced(job.id, first, first_pace(job.when, job.timezone, None, first, first)))
    at = first
    while at <= last:
        often.tick(at)
        often.finish_all(at)
        at += timedelta(seconds=1)
    at = first
    for gap in gaps:
        at += timedelta(seconds=gap)
        seldom.tick(at)
        seldom.finish_all(at)
    assert accounted(often) == accounted(seldom)


def accounted(world: World) -> tuple[list[datetime], Counter[str]]:
    """The instants that ran, and how many ended in which outcome: rows of several instants are cut differently by each cadence."""
    outcomes: Counter[str] = Counter()
    for row in world.rows:
        outcomes[row.outcome.value] += row.count
    return sorted(row.due for row in world.rows if row.run), outcomes


# ------------------------------------------------------------------------------------------------------- they hold, for any story


@given(stories())
def test_nothing_starts_in_the_future(story: Story) -> None:
    """A decision is about the past."""
    nothing_starts_in_the_future(story)


PAUSED_AFTER = Story((Job(JobId("a"), AfterWhen(1), CommandAction("true")),), (START, START + timedelta(seconds=2)), paused=True)


@given(stories())
@example(PAUSED_AFTER)  # the skipped instant lay behind the clock, and another one after it was due already
def test_planning_twice_at_one_instant_starts_nothing_new(story: Story) -> None:
    """The ledger remembers."""
    planning_twice_starts_nothing_new(story)


@given(stories())
def test_wake_at_is_after_now(story: Story) -> None:
    """The loop sleeps."""
    wake_at_is_after_now(story)


@given(stories())
def test_every_due_instant_gets_exactly_one_decision(story: Story) -> None:
    """Promise P4 begins here."""
    every_due_instant_gets_exactly_one_decision(story)


@given(stories())
def test_adding_a_job_changes_no_other_jobs_plan(story: Story) -> None:
    """Jobs do not see each other in the plan."""
    adding_a_job_changes_no_other_plan(story)


@given(stories())
def test_the_plan_over_jobs_that_may_be_due_is_the_plan_over_all_jobs(story: Story) -> None:
    """A tick costs what is due, not what there is."""
    only_jobs_that_may_be_due_need_a_plan(story)


@given(stories() | late_stories())
def test_catch_up_never_reaches_past_its_window(story: Story) -> None:
    """What is older is missed."""
    catch_up_never_reaches_past_its_window(story)


@given(stories(), st.integers(0, 3 * 3600))
def test_a_clock_that_steps_back_starts_nothing_twice(story: Story, back_s: int) -> None:
    """The cursor does not move back with it."""
    a_clock_that_steps_back_starts_nothing_twice(story, back_s)


cadences = st.lists(st.integers(1, 59), min_size=1, max_size=12)
punctual = (
    jobs("a")
    .map(lambda job: replace(job, enabled=True, overlap=Overlap.QUEUE_ALL, conditions=(), start_deadline_s=None, run_when_paused=False))
    .filter(lambda job: not isinstance(job.when, AfterWhen))
)


@given(punctual, instants(), cadences)
def test_the_cadence_of_ticks_does_not_change_what_runs(job: Job, first: datetime, gaps: list[int]) -> None:
    """A loop that looks every second and one that looks when it can come to the same outcomes."""
    the_cadence_of_ticks_changes_no_outcome(job, first, gaps)


# ------------------------------------------------------------------------------------------ and each fails when its rule is broken

Property = Callable[..., None]
FEW = settings(max_examples=300, database=None, derandomize=True, phases=[Stage.generate], deadline=None)


def fails(check: Property, *drawn: st.SearchStrategy[Any]) -> None:
    """The property does not survive a few hundred examples."""
    with expects_failure():
        FEW(given(*drawn)(check))()


def expects_failure() -> AbstractContextManager[Any]:
    """What a property raises when it does not hold."""
    return pytest.raises((AssertionError, ExceptionGroup))


def looks_ahead(job: Job, schedule: Any, cursor: datetime, now: datetime) -> CaughtUp:
    """A broken rule: what falls due within the next hours starts now."""
    return whole_catch_up(job, schedule, cursor, now + timedelta(hours=3))


def forgets_the_oldest(job: Job, schedule: Any, cursor: datetime, now: datetime) -> CaughtUp:
    """A broken rule: what is missed is dropped in silence."""
    return replace(whole_catch_up(job, schedule, cursor, now), missed=())


def decides_twice(job: Job, schedule: Any, cursor: datetime, now: datetime) -> CaughtUp:
    """A broken rule: an instant that starts is missed as well."""
    made = whole_catch_up(job, schedule, cursor, now)
    return replace(made, missed=(*made.missed, *(catchup.Missed(at, at, 1, "twice") for at in made.starts)))


def starts_the_newest_alone(job: Job, schedule: Any, cursor: datetime, now: datetime) -> CaughtUp:
    """A broken rule: of several on time the newest starts, which only a slow loop sees."""
    made = whole_catch_up(job, schedule, cursor, now)
    return replace(made, starts=made.starts[-1:])


def no_bound(job: Job, now: datetime) -> tuple[datetime, str]:
    """A broken rule: the window and the deadline are not looked at."""
    return datetime.min.replace(tzinfo=now.tzinfo), ""


def asks_after_the_cursor(schedule: Any, t: datetime) -> datetime | None:
    """A broken rule: the next instant is one that has passed."""
    found: datetime | None = whole_next_after(schedule, t - timedelta(days=1))
    return found


whole_catch_up = catchup.catch_up
whole_next_after = next_after


@pytest.mark.parametrize(
    ("where", "name", "broken", "check"),
    [
        (plan_module, "catch_up", looks_ahead, nothing_starts_in_the_future),
        (plan_module, "catch_up", forgets_the_oldest, every_due_instant_gets_exactly_one_decision),
        (plan_module, "catch_up", decides_twice, every_due_instant_gets_exactly_one_decision),
        (catchup, "_bound", no_bound, catch_up_never_reaches_past_its_window),
        (plan_module, "next_after", asks_after_the_cursor, wake_at_is_after_now),
    ],
)
def test_a_broken_plan_is_noticed(monkeypatch: pytest.MonkeyPatch, where: Any, name: str, broken: object, check: Property) -> None:
    """The property that stands for the rule fails."""
    monkeypatch.setattr(where, name, broken)
    fails(check, stories() | late_stories())


def test_a_ledger_that_forgets_its_cursors_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planning twice would start everything twice."""
    monkeypatch.setattr(Ledger, "apply", lambda ledger, event: whole_apply(ledger, event) if isinstance(event, JobSeen) else None)
    fails(planning_twice_starts_nothing_new, stories())


whole_apply = Ledger.apply


def test_a_plan_in_which_jobs_see_each_other_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """One job's instants would take another's place."""

    def one_a_tick(candidates: Sequence[Job], ledger: Ledger, now: datetime, *, salt: str = "") -> Plan:
        made = whole_plan(candidates, ledger, now, salt=salt)
        return replace(made, decisions=made.decisions[:1])

    monkeypatch.setitem(globals(), "plan", one_a_tick)
    fails(adding_a_job_changes_no_other_plan, stories())


def test_a_next_due_that_is_too_late_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The heap would offer the job after its instant."""

    def late(candidates: Sequence[Job], ledger: Ledger, now: datetime, *, salt: str = "") -> Plan:
        made = whole_plan(candidates, ledger, now, salt=salt)
        return replace(made, next_due={job: at and at + DAY for job, at in made.next_due.items()})

    monkeypatch.setitem(globals(), "plan", late)
    fails(only_jobs_that_may_be_due_need_a_plan, stories())


whole_plan = plan


def test_a_cursor_that_follows_the_clock_back_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything of the last hours would start again, were a cursor in the future corrected at once."""
    monkeypatch.setattr(sighting, "CORRECTION", timedelta())
    fails(a_clock_that_steps_back_starts_nothing_twice, stories(), st.integers(3600, 3 * 3600))


def test_a_plan_that_depends_on_the_cadence_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow loop would run less."""
    monkeypatch.setattr(plan_module, "catch_up", starts_the_newest_alone)
    fails(the_cadence_of_ticks_changes_no_outcome, punctual, instants(), cadences)
