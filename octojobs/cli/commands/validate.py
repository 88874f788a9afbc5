"""`octojobs validate`: checks the definitions in the working tree."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from octojobs.cli.app import App, repo_option
from octojobs.cli.group import Verb
from octojobs.cli.place import Place
from octojobs.cli.validate_hook import check
from octojobs.config.diagnostics import Format, render
from octojobs.engine.zonedata import use_newest
from octojobs.errors import ExitCode

STYLES = [style.value for style in Format]


@click.command(
    "validate",
    cls=Verb,
    examples=[
        ("octojobs validate", "the definitions in the working tree, all problems at once"),
        ("octojobs validate .octopoid/jobs.yaml", "those of the repository that the file is in"),
        ("octojobs validate --format sarif > jobs.sarif", "for a code host; `github` writes annotations"),
    ],
)
@click.argument("files", nargs=-1, type=Place(path_type=Path))
@click.option(
    "--format", "style", type=click.Choice(STYLES), default=Format.TEXT.value, show_default=True, help="How problems are written."
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@repo_option
@click.pass_obj
def command(app: App, files: tuple[Path, ...], style: str, as_json: bool) -> int:
    """Check definitions in the working tree: form, schedules, conditions, references. Exit 2 when something is wrong.

    Nobody's code is imported: whether a script's function exists is `octojobs doctor`'s to say. A run that checked
    nothing fails, too.
    """
    use_newest()
    report = check(files, app.repo)
    wanted = Format.JSON if as_json else Format(style)
    colour = app.screen.paint("x", "red") != "x"
    text = render(report, wanted, terminal=app.screen.terminal, colour=colour)
    if text:
        sys.stdout.write(f"{text}\n")
    return ExitCode.OK if report.valid else ExitCode.USAGE
