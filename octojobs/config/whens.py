"""When a job is due: exactly one of `schedule`, `interval`, `after`, `on` and `manual`; and the quiet hours of an interval by activity."""

from __future__ import annotations

from dataclasses import replace

from octojobs.config.entries import Entry, Fields, each
from octojobs.config.parsers import period, time_of_day
from octojobs.config.triggers import trigger
from octojobs.core.cronsyntax import CronError
from octojobs.core.durations import format_duration
from octojobs.core.once import is_once, once_instant
from octojobs.core.when import ActivityWhen, AfterWhen, IntervalWhen, ManualWhen, ScheduleWhen, When

NAMES = ("schedule", "interval", "after", "on", "manual")
# What says something about instants that pass by themselves, which a manual job, and one that is triggered, has none of.
_OF_INSTANTS = ("jitter", "catch_up", "catch_up_window")


def when(fields: Fields, own: Fields, here: Entry, timezone: str) -> When | None:
    """The job's `when`; None when it is wrong, which is noted in `fields`. `here` is the job itself."""
    given = own.given(NAMES)
    if not given:
        problem = here.problem_at_key("says nothing about when it runs", "add one of schedule, interval, after, on, or `manual: true`")
        fields.problems.append(problem)
        return None
    for name in given[1:]:
        if name in own:
            fields.problems.append(own.entries[name].problem_at_key(f"{given[0]} and {name} are both given", "keep one of them"))
    if given[0] not in own:
        return None
    if "quiet_hours" in own and not isinstance(own.entries[given[0]].value, dict):
        problem = own.entries["quiet_hours"].problem_at_key(
            "means nothing for a job whose interval does not follow activity", "write `interval: {active: …, idle: …, dormant: …}`"
        )
        fields.problems.append(problem)
    if "adapt" in own and (given[0] != "interval" or isinstance(own.entries["interval"].value, dict)):
        problem = own.entries["adapt"].problem_at_key(
            "means nothing for a job without a plain interval", "write `interval: 1h`, or remove it"
        )
        fields.problems.append(problem)
    match given[0]:
        case "schedule":
            return fields.read("schedule", lambda entry: _schedule(entry, timezone), None)
        case "interval":
            interval = fields.read("interval", _interval, None)
            if isinstance(interval, ActivityWhen):
                return replace(interval, quiet=fields.read("quiet_hours", _quiet_hours, interval.quiet))
            if isinstance(interval, IntervalWhen) and "adapt" in own:
                return fields.read("adapt", lambda entry: _adapting(entry, interval), None)
            return interval
        case "after":
            seconds = fields.read("after", period, 0)
            return AfterWhen(seconds) if seconds else None
        case "on":
            _no_instants(fields, own, "a job that is triggered", "remove it")
            return fields.read("on", trigger, None)
        case _:
            _no_instants(fields, own, "a manual job", "remove it, or give the job a schedule")
            return ManualWhen()


def _no_instants(fields: Fields, own: Fields, what: str, fix: str) -> None:
    fields.problems.extend(own.entries[name].problem(f"means nothing for {what}", fix) for name in _OF_INSTANTS if name in own)


def _interval(entry: Entry) -> IntervalWhen | ActivityWhen:
    """One period, or three of which activity chooses."""
    if not isinstance(entry.value, dict):
        return IntervalWhen(period(entry))
    return ActivityWhen(period(entry.at("active")), period(entry.at("idle")), period(entry.at("dormant")))


def _adapting(entry: Entry, interval: IntervalWhen) -> IntervalWhen:
    """The interval with the longest one that no-ops may make of it."""
    longest = entry.at("max_interval")
    seconds = period(longest)
    if seconds <= interval.period_s:
        what = f"is no more than the interval, {format_duration(interval.period_s)}"
        raise longest.invalid(what, "write a longer one, or remove `adapt:`")
    return replace(interval, longest_s=seconds)


def _quiet_hours(entry: Entry) -> tuple[int, int] | None:
    """Minutes since midnight; None for `false`."""
    if entry.value is False:
        return None
    if entry.value is True:
        raise entry.invalid("true says nothing", 'write `{from: "00:00", to: "07:00"}`, or false for none')
    start, end = time_of_day(entry.at("from")), time_of_day(entry.at("to"))
    if start == end:
        raise entry.at("to").invalid("is the time it begins, too", "write `quiet_hours: false` for none")
    return start, end


def _schedule(entry: Entry, timezone: str) -> ScheduleWhen:
    """The expressions, each checked in the job's zone."""
    parts = entry.items() if isinstance(entry.value, list) else (entry,)
    return ScheduleWhen(tuple(each(parts, lambda part: _expression(part, timezone))))


def _expression(entry: Entry, timezone: str) -> str:
    text: str = entry.value
    try:
        if is_once(text):
            once_instant(text, timezone)
        else:
            from octojobs.core.cron import Cron  # croniter: 45 ms that files without cron don't pay

            Cron.parse(text, timezone)
    except CronError as error:
        raise entry.invalid(error.what, error.fix, offset=error.offset) from None
    return text
