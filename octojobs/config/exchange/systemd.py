"""Units for systemd's user manager: the daemon of a repository, or a timer and a service for each job.

The daemon's unit is the template `contrib/systemd/octojobs@.service`; this room fills it in.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from octojobs.config.exchange.systemd_calendar import calendars
from octojobs.config.exchange.units import Exported, Inexpressible, UnitFile, check_exportable, problem_of
from octojobs.core.job import CatchUp, Job
from octojobs.core.one_line import spelled
from octojobs.core.schedule import Once, parse_entry
from octojobs.core.when import ActivityWhen, AfterWhen, IntervalWhen, JobWhen, ManualWhen, RefWhen, ScheduleWhen, TagWhen, TaskWhen
from octojobs.errors import Problem, Severity

TEMPLATE = "octojobs@.service"
_PLAIN_BYTES = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:_.")
_UNFIT_FOR_PROGRAM = re.compile(r"[\"'\\\x00-\x1f\x7f]")
_EXEC = re.compile(r"^ExecStart=.*$", re.MULTILINE)


def escape_path(path: Path) -> str:
    r"""What `systemd-escape --path` makes of an absolute path: the instance of `octojobs@.service`.

    >>> escape_path(Path("/home/ada/my-project")), escape_path(Path("/"))
    ('home-ada-my\\x2dproject', '-')
    """
    parts = str(path).strip("/").split("/")
    escaped = "-".join("".join(chr(byte) if byte in _PLAIN_BYTES else f"\\x{byte:02x}" for byte in os.fsencode(part)) for part in parts)
    return f"\\x2e{escaped[1:]}" if escaped.startswith(".") else escaped or "-"


def daemon_unit(template: str, root: Path, program: Sequence[str]) -> UnitFile:
    """The unit that runs `octojobs up` in one repository: the template with its folder and its program filled in."""
    comments, _, body = template.partition("\n[Unit]")
    del comments  # they explain the template
    body = body.replace("RequiresMountsFor=%f", f"RequiresMountsFor={_word(str(root))}")
    body = body.replace("WorkingDirectory=%f", f"WorkingDirectory={_folder(root)}").replace("%f", _rest(str(root)))
    text = _EXEC.sub(lambda _: f"ExecStart={command_line([*program, 'up'])}", f"[Unit]{body}")
    return UnitFile(f"octojobs-{_safe(root.name)}.service", text)


def drop_in(program: Sequence[str]) -> str:
    """What makes one instance of the template run this very program, wherever it is installed."""
    lines = ["[Service]", "# Without this line the program would be a second one, which systemd refuses.", "ExecStart="]
    return "\n".join([*lines, f"ExecStart={command_line([*program, 'up'])}", ""])


def job_units(jobs: Iterable[Job], root: Path, program: Sequence[str]) -> Exported:
    """A timer and a service for each job that systemd can start by itself."""
    files: list[UnitFile] = []
    problems: list[Problem] = []
    for job in jobs:
        try:
            timer = _timer(job, root)
        except Inexpressible as no:
            problems.append(problem_of(job, no.what, no.fix))
            continue
        problems += [problem_of(job, what, fix, Severity.WARNING) for what, fix in _differences(job)]
        name = f"octojobs-{_safe(root.name)}-{job.id}"
        files += [UnitFile(f"{name}.timer", timer), UnitFile(f"{name}.service", _service(job, root, program))]
    return Exported(tuple(files), tuple(problems))


def command_line(argv: Sequence[str]) -> str:
    """An `ExecStart=` that runs exactly these words; the first is an absolute path.

    The program's path is no place for `$$`, nor may it hold quotes and backslashes, however they are escaped: `env` takes any.

    >>> print(command_line(["/opt/a b/octojobs", "run-now", "100%", "$HOME"]))
    "/opt/a b/octojobs" run-now 100%% $$HOME
    >>> print(command_line(["/opt/ada's/octojobs", "up"]))
    /usr/bin/env "/opt/ada's/octojobs" up
    """
    if _UNFIT_FOR_PROGRAM.search(argv[0]):
        argv = ["/usr/bin/env", *argv]
    return " ".join([_word(argv[0]), *(_word(word).replace("$", "$$") for word in argv[1:])])


def _timer(job: Job, root: Path) -> str:
    check_exportable(job)
    lines = [_origin(job), "[Unit]", f"Description={_description(job, root)}, its times", "", "[Timer]"]
    lines += _times(job)
    if job.jitter_s:
        # the same delay each time, as octojobs has it
        lines += [f"RandomizedDelaySec={job.jitter_s}", "FixedRandomDelay=true"]
    return "\n".join([*lines, "# The default lets a minute pass.", "AccuracySec=1s", "", "[Install]", "WantedBy=timers.target", ""])


def _times(job: Job) -> list[str]:
    match job.when:
        case ScheduleWhen(entries):
            parsed = [parse_entry(entry, job.timezone) for entry in entries]
            times = [time for one in parsed for time in ([f"{one.at:%Y-%m-%d %H:%M:%S} UTC"] if isinstance(one, Once) else calendars(one))]
            persistent = "false" if job.catch_up is CatchUp.NONE else "true"
            return [*(f"OnCalendar={time}" for time in times), f"Persistent={persistent}"]
        case IntervalWhen(period_s):
            return ["OnActiveSec=1s", f"OnUnitActiveSec={period_s}s"]
        case AfterWhen(delay_s):
            return ["OnActiveSec=1s", f"OnUnitInactiveSec={delay_s}s"]
        case ActivityWhen():
            raise Inexpressible("systemd knows nothing of activity, and this interval follows it", "keep `octojobs up` for this job")
        case RefWhen() | TagWhen() | TaskWhen() | JobWhen():
            raise Inexpressible("systemd knows nothing of refs, tasks and the ends of runs", "keep `octojobs up` for this job")
        case ManualWhen():
            raise Inexpressible("it runs only when asked, so there is nothing to time", f"ask by `octojobs run-now {job.id}`")


def _service(job: Job, root: Path, program: Sequence[str]) -> str:
    return "\n".join(
        [
            _origin(job),
            "[Unit]",
            f"Description={_description(job, root)}",
            f"RequiresMountsFor={_word(str(root))}",
            "",
            "[Service]",
            "Type=oneshot",
            f"WorkingDirectory={_folder(root)}",
            "# Jobs get this PATH: a user manager starts with a bare one.",
            "Environment=PATH=%h/.local/bin:/usr/local/bin:/usr/bin:/bin",
            f"ExecStart={command_line([*program, 'run-now', job.id, '--wait'])}",
            "# octojobs stops its runs itself, and records them.",
            "KillMode=process",
            "UMask=0077",
            "",
        ]
    )


def _differences(job: Job) -> list[tuple[str, str]]:
    """What systemd does otherwise, and what helps."""
    found = []
    if job.catch_up is CatchUp.ALL:
        found.append(("systemd catches up on the newest missed instant alone", "keep `octojobs up` for this job"))
    if job.catch_up_window_s is not None and job.catch_up is CatchUp.LATEST:
        found.append(("systemd catches up however long ago it was", "keep `octojobs up` for this job"))
    return found


def _origin(job: Job) -> str:
    return f"# {spelled(job.source.path)}:{job.source.line}"


def _description(job: Job, root: Path) -> str:
    title = " ".join((job.title or job.description).split())
    return _rest(f"octojobs in {root}: {job.id}" + (f", {title}" if title else ""))


def _word(text: str) -> str:
    r"""One word of a line that systemd splits at spaces.

    >>> print(_word('a "b" c'), _word("a\nb"))
    "a \"b\" c" "a\x0ab"
    """
    escaped = _specifiers(text).replace("\\", "\\\\")
    if escaped and not re.search(r"[\s\"';\x00-\x1f\x7f]|\\$", escaped):
        return escaped
    return '"' + spelled(escaped.replace('"', '\\"')) + '"'


def _folder(path: Path) -> str:
    """A setting that is one path: systemd takes quotes and spaces in it as they are, and a backslash at the end for "goes on"."""
    return _specifiers(str(path)) + "/" * str(path).endswith((" ", "\\"))


def _rest(text: str) -> str:
    """A setting that is free text up to the end of its line."""
    plain = _specifiers(spelled(text))
    return f"{plain}." if plain.endswith("\\") else plain


def _specifiers(text: str) -> str:
    return text.replace("%", "%%")


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9:_.-]+", "-", text)
