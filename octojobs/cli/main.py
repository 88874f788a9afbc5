"""`octojobs`: calls a verb, and turns whatever happens into a message and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from octojobs import __version__
from octojobs.cli.app import App, repo_option
from octojobs.cli.group import Verbs, help_width
from octojobs.cli.streams import let_go_of_output, open_standard_streams
from octojobs.cli.text import visible
from octojobs.errors import ExitCode, InvalidDefinitions, OctojobsError

COMPLETE = "_OCTOJOBS_COMPLETE"
"""The variable by which a shell asks for completions (click's protocol)."""


@click.group(cls=Verbs, name="octojobs", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="octojobs", message="%(prog)s %(version)s")
@repo_option
def octojobs() -> None:
    """Cron for a repository, and for the agents that work in it.

    Jobs are declared in .octopoid/jobs.yaml; commit a change and it is live. `octojobs VERB --help` shows examples.
    """


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code (`octojobs.errors.ExitCode`) and never raises."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    open_standard_streams()
    try:
        if COMPLETE in os.environ:
            return _complete()
        code = _call(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        let_go_of_output()
        return ExitCode.OK
    except (KeyboardInterrupt, click.Abort):
        _complain("interrupted")
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last door: every exception becomes a message here
        return _failed(error, arguments)
    return code


def _call(arguments: list[str]) -> int:
    width = help_width()
    try:
        with octojobs.make_context("octojobs", arguments, obj=App(), max_content_width=width, terminal_width=width) as context:
            result = octojobs.invoke(context)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    return result if isinstance(result, int) else ExitCode.OK


def _complete() -> int:
    # lazily: only a shell's question needs it
    from click.shell_completion import shell_complete

    return shell_complete(octojobs, {"obj": App()}, "octojobs", COMPLETE, os.environ[COMPLETE])


def _failed(error: Exception, arguments: Sequence[str]) -> int:
    match error:
        case click.exceptions.NoArgsIsHelpError():
            sys.stdout.write(error.format_message() + "\n")
            return ExitCode.USAGE
        case click.UsageError():
            path = error.ctx.command_path if error.ctx else "octojobs"
            text = error.format_message()
            if isinstance(error, click.MissingParameter):
                text = " ".join(text.split())  # click lists what may be chosen a line each
            text = visible(text).rstrip(".")
            _complain(text[:1].lower() + text[1:], path)
            sys.stderr.write(f"`{path} --help` shows how\n")
            return ExitCode.USAGE
        case click.ClickException():
            _complain(visible(error.format_message()))
            return ExitCode.FAILED
        case InvalidDefinitions():
            return _invalid(error)
        case OctojobsError():
            _complain(str(error))
            return error.exit_code
        case OSError() if error.errno:
            # a full disk, a folder without permission: the machine's state, not our mistake
            place = f"{visible(os.fsdecode(error.filename))}: " if error.filename else ""
            _complain(place + os.strerror(error.errno).lower())
            return ExitCode.FAILED
        case ImportError():
            # Python takes a folder that it can't list for an empty one: the machine's state, or an installation that is torn.
            _complain(f"a part of it can't be loaded: {visible(str(error))}")
            sys.stderr.write("see to a full disk and to too many open files; else install octojobs again\n")
            return ExitCode.FAILED
        case _:
            return _bug(error, arguments)


def _invalid(error: InvalidDefinitions) -> int:
    placed = any(problem.line for problem in error.problems)
    for problem in error.problems:
        sys.stderr.write(f"{'' if placed else 'octojobs: '}{visible(str(problem))}\n")
    if placed:
        _complain("these definitions can't be used; `octojobs validate` shows the places")
    return error.exit_code


def _bug(error: Exception, arguments: Sequence[str]) -> int:
    # lazily: nobody pays for what never happens
    from octojobs.cli.crash import write_report

    path: Path | None = write_report(error, arguments)
    where = f"the report is {path}" if path else "and no folder took the report"
    _complain(f"a mistake of ours, not of yours ({type(error).__name__}); {where}")
    return ExitCode.BUG


def _complain(text: str, who: str = "octojobs") -> None:
    sys.stderr.write(f"{who}: {text}\n")
