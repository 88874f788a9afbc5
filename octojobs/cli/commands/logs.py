"""`octojobs logs RUN|JOB`: the output of a run, or of a job's latest."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterable, Iterator

import click

from octojobs.actions.history import find_run
from octojobs.actions.output import output_file, output_views, pieces
from octojobs.cli.app import App, complete_job, json_option, state_options
from octojobs.cli.group import Verb
from octojobs.cli.params import Number
from octojobs.runners.output import visible


@click.command(
    "logs",
    cls=Verb,
    examples=[
        ("octojobs logs nightly", "the output of the latest run of a job"),
        ("octojobs logs nightly -f", "follow it while it runs"),
        ("octojobs logs nightly --json | jq -r .output", "with its outcome, for a program"),
        ("octojobs logs nightly@20261120T02 --attempt 1", "the first attempt of one run; its id may be shortened"),
    ],
)
@click.argument("run", metavar="RUN|JOB", shell_complete=complete_job)
@click.option("-f", "--follow", "following", is_flag=True, help="Go on until the attempt has ended.")
@click.option("--attempt", type=Number(1), metavar="N", help="That attempt; else the latest.")
@click.option("--raw", is_flag=True, help="The bytes as they are, also on a terminal: colours, and whatever else steers it.")
@json_option
@state_options
@click.pass_obj
def command(app: App, run: str, following: bool, attempt: int | None, raw: bool, as_json: bool) -> None:
    """Print the output of RUN, or of the latest run of JOB; standard output and standard error as the job wrote them.

    On a terminal, control characters are written out (--raw leaves them); in a pipe the bytes are the job's own.
    --json with -f prints an object a line, the last one with the outcome.
    """
    if raw and as_json:
        raise click.UsageError("--raw or --json, not both")
    workspace = app.workspace()
    found = find_run(workspace, run)
    file = output_file(workspace, found, attempt)
    output = pieces(file, following=following)
    if as_json and following:
        for view in output_views(found, file, output):
            app.screen.json_line(view)
    elif as_json:
        *before, last = output_views(found, file, output)
        app.screen.json({**last, "output": "".join(view["output"] for view in (*before, last))})
    elif not print_output(app, output, raw=raw):
        app.screen.note("(no output)", "dim")


def print_output(app: App, found: Iterable[bytes], *, raw: bool = False) -> bytes:
    """The bytes as they are into a pipe, made safe on a terminal; returns the last of them, empty when there were none."""
    seen = _Seen(found)
    app.screen.out.flush()
    if not app.screen.terminal or raw:
        for piece in seen:
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
    else:
        _print_safely(app, seen)
    return seen.last


class _Seen:
    """Passes pieces on, and remembers the last byte."""

    def __init__(self, found: Iterable[bytes]) -> None:
        self.last = b""
        self._found = found

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._found:
            self.last = piece[-1:] or self.last
            yield piece


def _print_safely(app: App, found: Iterable[bytes]) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    held = ""
    for piece in found:
        text = held + decoder.decode(piece)
        # a CR may be the first half of a line's end: its other half is in the next piece
        held = "\r" if text.endswith("\r") else ""
        app.screen.out.write(visible(text.removesuffix(held).encode()))
        app.screen.out.flush()
    app.screen.out.write(visible((held + decoder.decode(b"", final=True)).encode()))
