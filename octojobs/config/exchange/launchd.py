"""Agents for launchd(8) on macOS: the daemon of a repository, or one agent for each job; plists as launchd.plist(5) has them."""

from __future__ import annotations

import plistlib
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from octojobs.config.exchange.units import Exported, Inexpressible, UnitFile, check_exportable, problem_of
from octojobs.core.cron import Cron
from octojobs.core.job import CatchUp, Job
from octojobs.core.schedule import Once, parse_entry
from octojobs.core.when import ActivityWhen, AfterWhen, IntervalWhen, JobWhen, ManualWhen, RefWhen, ScheduleWhen, TagWhen, TaskWhen
from octojobs.errors import Problem, Severity

MAX_TIMES = 400
"""Entries in one agent: launchd sets a timer for each, and beyond this nobody can read the file."""
_PATH = "/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
_KEEP = "keep `octojobs up` for this job"

Time = dict[str, int]


def label_of(root: Path, job: str = "") -> str:
    """The label of a repository's daemon, or of one of its jobs; the file's name without `.plist`.

    >>> label_of(Path("/Users/ada/my project")), label_of(Path("/src/x"), "nightly")
    ('dev.octojobs.Users.ada.my-project', 'dev.octojobs.src.x.nightly')
    """
    parts = [re.sub(r"[^A-Za-z0-9_-]+", "-", part) for part in root.parts[1:]]
    return ".".join(["dev.octojobs", *parts, *([job] if job else [])])


def daemon_agent(root: Path, program: Sequence[str], log: Path) -> UnitFile:
    """The agent that runs `octojobs up` in a repository from login on, and again when it fails; `log` takes what it says."""
    agent = _agent(label_of(root), root, [*program, "up"], log)
    # SuccessfulExit false: `octojobs down` ends it for good. Each run has a session of its own and outlives the daemon.
    agent |= {"RunAtLoad": True, "KeepAlive": {"SuccessfulExit": False}, "ThrottleInterval": 30, "AbandonProcessGroup": True}
    return _file(agent)


def job_agents(jobs: Iterable[Job], root: Path, program: Sequence[str], log: Path, timezone: str) -> Exported:
    """An agent for each job that launchd can start by itself on a machine in the zone `timezone`: launchd knows no other."""
    files: list[UnitFile] = []
    problems: list[Problem] = []
    for job in jobs:
        try:
            check_exportable(job)
            times = _times(job, timezone)
        except Inexpressible as no:
            problems.append(problem_of(job, no.what, no.fix))
            continue
        problems += [problem_of(job, what, fix, Severity.WARNING) for what, fix in _differences(job)]
        files.append(_file(_agent(label_of(root, job.id), root, [*program, "run-now", job.id, "--wait"], log) | times))
    return Exported(tuple(files), tuple(problems))


def _agent(label: str, root: Path, argv: Sequence[str], log: Path) -> dict[str, Any]:
    return {
        "Label": label,
        "ProgramArguments": list(argv),
        "WorkingDirectory": str(root),
        "EnvironmentVariables": {"PATH": _PATH},
        "StandardOutPath": str(log),
        "StandardErrorPath": str(log),
        "ProcessType": "Background",
        "Umask": 0o077,
    }


def _file(agent: Mapping[str, Any]) -> UnitFile:
    return UnitFile(f"{agent['Label']}.plist", plistlib.dumps(agent, sort_keys=False).decode("utf-8"))


def _times(job: Job, timezone: str) -> dict[str, Any]:
    match job.when:
        case IntervalWhen(period_s):
            return {"StartInterval": period_s}
        case ScheduleWhen(entries):
            if job.timezone != timezone:
                fix = f"give the job `timezone: {timezone}`, or name the machine's zone by --timezone"
                raise Inexpressible(f"its times are in {job.timezone}, and launchd knows the machine's zone alone, {timezone}", fix)
            times = [time for entry in entries for time in _calendar(entry, job.timezone)]
            if len(times) > MAX_TIMES:
                what = f"launchd has no steps and ranges, and written out these are {len(times)} times"
                raise Inexpressible(what, f"use `interval:`, or a schedule of {MAX_TIMES} times at most")
            return {"StartCalendarInterval": times[0] if len(times) == 1 else times}
        case ActivityWhen():
            raise Inexpressible("launchd knows nothing of activity, and this interval follows it", _KEEP)
        case AfterWhen():
            raise Inexpressible("launchd counts from one start to the next, not from an end", _KEEP)
        case RefWhen() | TagWhen() | TaskWhen() | JobWhen():
            raise Inexpressible("launchd knows nothing of refs, tasks and the ends of runs", _KEEP)
        case ManualWhen():
            raise Inexpressible("it runs only when asked, so there is nothing to time", f"ask by `octojobs run-now {job.id}`")


def _calendar(entry: str, timezone: str) -> list[Time]:
    """The dictionaries that together mean the expression; a key that is absent means any value, Day and Weekday together mean or."""
    cron = parse_entry(entry, timezone)
    if isinstance(cron, Once):
        raise Inexpressible("launchd knows no single instant: without a year it would come again", _KEEP)
    if cron.fields.nth or (cron.fields.days and "l" in cron.fields.days):
        raise Inexpressible("launchd can't count weekdays, nor from the end of a month", _KEEP)
    days = None if cron.fields.days is None else sorted(int(day) for day in cron.fields.days)
    weekdays = None if cron.fields.weekdays is None or len(cron.fields.weekdays) == 7 else sorted(cron.fields.weekdays)
    if days is not None and weekdays is not None and not cron.fields.joins_days_by_or:
        raise Inexpressible("it means a day of the month that is a weekday too, and launchd means either", _KEEP)
    dates = [{"Day": day} for day in days or []] + [{"Weekday": day} for day in weekdays or []] or [{}]
    months = [{}] if len(cron.fields.months) == 12 else [{"Month": month} for month in sorted(cron.fields.months)]
    return [{**month, **date, **time} for month, date, time in product(months, dates, _clock(cron))]


def _clock(cron: Cron) -> list[Time]:
    hours = sorted({minute // 60 for minute in cron.fields.minutes})
    minutes = sorted({minute % 60 for minute in cron.fields.minutes})
    by_hour: list[Time] = [{}] if len(hours) == 24 else [{"Hour": hour} for hour in hours]
    by_minute: list[Time] = [{}] if len(minutes) == 60 else [{"Minute": minute} for minute in minutes]
    return [{**hour, **minute} for hour, minute in product(by_hour, by_minute)]


def _differences(job: Job) -> list[tuple[str, str]]:
    """What launchd does otherwise, and what helps."""
    found = []
    if isinstance(job.when, ScheduleWhen) and job.catch_up is not CatchUp.LATEST:
        found.append(("launchd always starts it once for what was missed in sleep", _KEEP))
    if job.jitter_s:
        found.append(("launchd has no jitter: it starts at the time itself", _KEEP))
    return found
