"""Jobs as lines of a crontab, which ask octojobs for a run; what cron has no words for stands there as a comment."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from octojobs.config.exchange.units import Exported, Inexpressible, UnitFile, check_exportable, problem_of
from octojobs.core.cronsyntax import MACROS
from octojobs.core.durations import format_duration
from octojobs.core.job import CatchUp, Job
from octojobs.core.once import is_once
from octojobs.core.one_line import spelled
from octojobs.core.when import IntervalWhen, ScheduleWhen
from octojobs.errors import Problem, Severity

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NAME = re.compile(r"(-?)([A-Za-z]{3})")
_HOUR_M, _DAY_M = 60, 24 * 60

EACH_MINUTE = "* * * * *"


def tick_line(root: Path, program: Sequence[str]) -> str:
    """The line by which cron keeps the time for all jobs of a repository."""
    return f"{EACH_MINUTE} {_command(root, [*program, 'tick', '--no-wait'])}\n"


def job_lines(jobs: Sequence[Job], root: Path, program: Sequence[str], timezone: str) -> Exported:
    """A crontab with the lines of each job that cron can start by itself; `timezone` is the machine's.

    Jobs of that zone come first. The others follow a CRON_TZ, which cron implementations other than cronie do not know.
    """
    blocks: dict[str, list[str]] = {timezone: []}
    problems: list[Problem] = []
    for job in jobs:
        place = f"# {spelled(job.source.path)}:{job.source.line}"
        try:
            times = tuple(_times(job))
        except Inexpressible as no:
            problems.append(problem_of(job, no.what, no.fix))
            blocks[timezone] += [place, f"# {job.id} is not here: {spelled(f'{no.what}; {no.fix}')}", ""]
            continue
        differences = list(_differences(job))
        problems += [problem_of(job, what, fix, Severity.WARNING) for what, fix in differences]
        command = _command(root, [*program, "run-now", job.id, "--wait"])
        notes = [f"# differs: {spelled(f'{what}; {fix}')}" for what, fix in differences]
        zone = job.timezone if isinstance(job.when, ScheduleWhen) else timezone
        blocks.setdefault(zone, []).extend([place, *notes, *(f"{time} {command}" for time in times), ""])
    lines = [*_header(root), *blocks.pop(timezone)]
    for zone, block in blocks.items():
        lines += [f"CRON_TZ={zone}", *block]
    return Exported((UnitFile("octojobs.crontab", "\n".join(lines).rstrip("\n") + "\n"),), tuple(problems))


def _header(root: Path) -> Iterator[str]:
    yield f"# Jobs of octojobs in {spelled(str(root))}: cron keeps the time, so `octojobs up` must not run beside it."
    yield "# Guards hold and runs are recorded; cron makes up for nothing that it missed. CRON_TZ is cronie's: other crons ignore it."
    yield ""


def _times(job: Job) -> Iterator[str]:
    """The five fields of each line."""
    check_exportable(job)
    match job.when:
        case ScheduleWhen(entries):
            for entry in entries:
                yield _expression(entry)
        case IntervalWhen(period_s=period_s):
            yield _every(period_s)
        case _:
            raise Inexpressible("cron knows times alone, and this job has none", "keep `octojobs up` for this job")


def _expression(entry: str) -> str:
    """The expression as every cron reads it: macros written out, names as numbers.

    >>> _expression("@weekly"), _expression("0 9 * jan-MAR fri-sun")
    ('0 0 * * 0', '0 9 * 1-3 5-7')
    """
    if is_once(entry):
        raise Inexpressible("cron has no single instants", "use at(1), or keep `octojobs up` for this job")
    minute, hour, day, month, weekday = MACROS.get(entry.strip().lower(), entry).split()
    if "#" in weekday or "l" in _NAME.sub("", weekday).lower() or "l" in day.lower():
        raise Inexpressible("cron has no L and no #", "keep `octojobs up` for this job")
    return " ".join((minute, hour, day, _numbered(month, _MONTHS, 1), _numbered(weekday, _DAYS, 0)))


def _numbered(text: str, names: Sequence[str], first: int) -> str:
    def number(match: re.Match[str]) -> str:
        value = names.index(match[2].lower()) + first
        # Sunday ends a week that it is the end of
        return f"{match[1]}{7 if match[1] and not value else value}"

    return _NAME.sub(number, text)


def _every(period_s: int) -> str:
    """The expression whose instants are as far apart as the interval's, counted from midnight.

    >>> _every(900), _every(7200), _every(86400)
    ('*/15 * * * *', '0 */2 * * *', '0 0 * * *')
    """
    minutes, rest = divmod(period_s, 60)
    if not rest and minutes and _HOUR_M % minutes == 0:
        return EACH_MINUTE if minutes == 1 else f"*/{minutes} * * * *" if minutes < _HOUR_M else "0 * * * *"
    if not rest and minutes and minutes % _HOUR_M == 0 and _DAY_M % minutes == 0:
        return f"0 */{minutes // _HOUR_M} * * *" if minutes < _DAY_M else "0 0 * * *"
    what = f"every {format_duration(period_s)} does not go evenly into an hour or a day"
    raise Inexpressible(what, "keep `octojobs up` for this job")


def _differences(job: Job) -> Iterator[tuple[str, str]]:
    """What cron does otherwise, and what helps."""
    if isinstance(job.when, IntervalWhen) and job.when.period_s > 60:
        yield "the interval counts from midnight in cron, not from first sight", "nothing needs to be done where any time will do"
    if job.jitter_s:
        yield f"the jitter of up to {format_duration(job.jitter_s)} is left out", "choose another minute"
    if job.catch_up is CatchUp.ALL:
        yield "what cron misses is gone", "keep `octojobs up` for this job"


def _command(root: Path, argv: Sequence[str]) -> str:
    """A shell's command line as crontab(5) reads it: a % would end it."""
    return f"cd {shlex.quote(str(root))} && {shlex.join(argv)}".replace("%", "\\%")
