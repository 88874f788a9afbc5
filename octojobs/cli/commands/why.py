"""`octojobs why JOB|RUN`: why it ran or did not run, and what would happen now."""

from __future__ import annotations

from datetime import datetime

import click

from octojobs.actions.reasons import explain
from octojobs.cli.app import App, complete_job, json_option, where_options
from octojobs.cli.group import Verb
from octojobs.cli.params import INSTANT
from octojobs.cli.text import visible


@click.command(
    "why",
    cls=Verb,
    examples=[
        ("octojobs why nightly", "the latest decision about a job, and what would happen now"),
        ("octojobs why nightly --at 2026-11-20T02:00Z", "the decision about one due instant"),
        ("octojobs why nightly@20261120T02", "one run; its id may be shortened"),
    ],
)
@click.argument("job", metavar="JOB|RUN", shell_complete=complete_job)
@click.option("--at", type=INSTANT, metavar="INSTANT", help="The due instant in question; else the latest that is recorded.")
@json_option
@where_options
@click.pass_obj
def command(app: App, job: str, at: datetime | None, as_json: bool) -> None:
    """Tell why JOB ran or did not run, from the record: its conditions with their evidence, its attempts, its end, its result.

    Then what would happen now. Guards that run a command are asked only in a repository that is allowed.
    """
    view = explain(app.workspace(), job, at)
    if as_json:
        app.screen.json(view)
        return
    for sentence in view["text"]:
        app.screen.say(visible(sentence))
