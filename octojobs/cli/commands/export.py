"""`octojobs export`: the daemon or jobs for the machine's own service manager, or its cron."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from octojobs.cli.app import App, complete_job, where_options
from octojobs.cli.family import Family
from octojobs.cli.group import Verb
from octojobs.cli.params import ZONE
from octojobs.cli.place import Place
from octojobs.cli.text import plural, visible
from octojobs.errors import ExitCode, Severity

if TYPE_CHECKING:
    from octojobs.config.exchange.units import Exported

F = TypeVar("F", bound=Callable[..., object])

_LOAD = "to load what is in the service manager's own folder"


def _options(function: F) -> F:
    """What all kinds of export take."""
    function = click.argument("jobs", metavar="[JOB]...", nargs=-1, shell_complete=complete_job)(function)
    function = click.option("--all", "every", is_flag=True, help="Every job; without it and without JOB: the daemon.")(function)
    output = click.option(
        "--output", metavar="DIR", type=Place(path_type=Path, file_okay=False), help="Write files there; else print them."
    )
    return where_options(output(function))


@click.group(
    "export",
    cls=Family,
    examples=[
        ("octojobs export systemd", "a unit that runs `octojobs up` for this repository"),
        ("octojobs export systemd nightly --output ~/.config/systemd/user", "a timer and a service for one job"),
        ("octojobs export launchd --all", "an agent for each job, on macOS"),
        ("octojobs export crontab --all", "a line of a crontab for each job"),
    ],
)
def command() -> None:
    """Let the machine's own service manager start the daemon, or start jobs instead of it; or let its cron do so.

    Timers, agents and crontab lines of jobs call `octojobs run-now`: guards hold and runs are recorded. Use them or `octojobs up`,
    not both.
    Jobs that the other scheduler has no words for are reported with the reason, and make the exit code 1.
    """


@command.command(
    "systemd",
    cls=Verb,
    examples=[
        ("octojobs export systemd", "a unit that runs `octojobs up` for this repository"),
        ("octojobs export systemd --all --output units", "a timer and a service for each job"),
    ],
)
@_options
@click.pass_obj
def systemd(app: App, jobs: tuple[str, ...], every: bool, output: Path | None) -> int:
    """Units for systemd's user manager: one for the daemon, or a timer and a service for each JOB."""
    # lazily: `--help` needs no definitions
    from octojobs.actions.exporting import to_systemd

    return _finish(app, to_systemd(app.workspace(), jobs, every=every), output, "# {}", f"{_LOAD}: systemctl --user daemon-reload")


@command.command(
    "launchd",
    cls=Verb,
    examples=[
        ("octojobs export launchd", "an agent that runs `octojobs up` for this repository"),
        ("octojobs export launchd nightly --timezone Europe/Berlin", "for a machine whose clocks show another zone"),
    ],
)
@click.option("--timezone", metavar="ZONE", type=ZONE, help="The zone of the machine that will run them; else this machine's.")
@_options
@click.pass_obj
def launchd(app: App, jobs: tuple[str, ...], every: bool, output: Path | None, timezone: str | None) -> int:
    """Agents for launchd on macOS: one for the daemon, or one for each JOB."""
    # lazily, as above
    from octojobs.actions.exporting import to_launchd

    exported = to_launchd(app.workspace(), jobs, every=every, timezone=timezone)
    return _finish(app, exported, output, "<!-- {} -->", f"{_LOAD}: launchctl bootstrap gui/$(id -u) FILE")


@command.command(
    "crontab",
    cls=Verb,
    examples=[
        ("octojobs export crontab", "one line that calls `octojobs tick` each minute"),
        ("(crontab -l; octojobs export crontab --all) | crontab -", "a line for each job, added to your crontab"),
    ],
)
@click.option("--timezone", metavar="ZONE", type=ZONE, help="The zone of the machine that will run them; else this machine's.")
@_options
@click.pass_obj
def crontab(app: App, jobs: tuple[str, ...], every: bool, output: Path | None, timezone: str | None) -> int:
    """Lines of a crontab: one that calls `octojobs tick` each minute, or those of each JOB.

    What cron has no words for (an `@once`, `after`, an interval that does not go into a day, L and #) stands there as a comment,
    and is reported. A job of another time zone comes after a CRON_TZ, which cronie knows.
    """
    # lazily, as above
    from octojobs.actions.exporting import to_crontab

    exported = to_crontab(app.workspace(), jobs, every=every, timezone=timezone)
    return _finish(app, exported, output, "# {}", "to add it to your crontab: (crontab -l; cat FILE) | crontab -")


def _finish(app: App, exported: Exported, output: Path | None, heading: str, load: str) -> int:
    # lazily, as above
    from octojobs.actions.exporting import write_units

    screen = app.screen
    for problem in exported.problems:
        screen.note(visible(str(problem)))
    if output is not None:
        for path in write_units(exported, output):
            screen.say(f"wrote {visible(str(path))}")
        if exported.files:
            screen.note(load)
    else:
        for place, file in enumerate(exported.files):
            title = f"{heading.format(file.name)}\n" if len(exported.files) > 1 else ""
            screen.say(("\n" if place else "") + title + file.text.removesuffix("\n"))
    left = sum(problem.severity is Severity.ERROR for problem in exported.problems)
    if left:
        screen.note(f"octojobs: {plural(left, 'job')} above {'was' if left == 1 else 'were'} not exported")
    return ExitCode.FAILED if left else ExitCode.OK
