"""`octojobs create`: adds a job to the jobs file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from octojobs.actions.editing import creation
from octojobs.cli.app import App, dry_run_option, state_options
from octojobs.cli.editing import carry_out, commit_option
from octojobs.cli.group import Verb
from octojobs.cli.params import Number
from octojobs.cli.text import is_text
from octojobs.config.agents import missing
from octojobs.core.agent_names import agent_of
from octojobs.core.job import AgentAction, Priority

ACTIONS = ("command", "run", "prompt")
WHENS = ("schedule", "interval", "after", "manual")


@click.command(
    "create",
    cls=Verb,
    examples=[
        ('octojobs create nightly --schedule "0 2 * * *" --command "make nightly"', "a cron job"),
        ("octojobs create sweep --interval 1h --run tools.sweep:main --condition worktree_clean", "a Python function, guarded"),
        ('octojobs create --slug audit --prompt "/k-housekeep" --schedule "0 9 * * MON" --agent kode', "as with kjob"),
    ],
)
@click.argument("name", required=False)
@click.option("--slug", metavar="NAME", help="The same as NAME.")
@click.option("--command", metavar="TEXT", help="What a run does: a command for the shell.")
@click.option("--run", metavar="MODULE:FUNCTION", help="What a run does: a Python function.")
@click.option("--prompt", metavar="TEXT", help="What a run does: a prompt for an agent.")
@click.option("--agent", metavar="NAME", help="The agent of a prompt.")
@click.option("--schedule", metavar="CRON", multiple=True, help="When: a cron expression, @daily, @once INSTANT; may be repeated.")
@click.option("--interval", metavar="DURATION", help="When: every so often, such as 30m.")
@click.option("--after", metavar="DURATION", help="When: so long after the previous run ended.")
@click.option("--manual", is_flag=True, help="When: only when asked.")
@click.option("--timezone", metavar="ZONE", help="Of the schedule, such as Europe/Berlin.")
@click.option("--title", metavar="TEXT", help="For people.")
@click.option("--description", metavar="TEXT", help="For people.")
@click.option("--tag", "tags", metavar="TAG", multiple=True, help="May be repeated.")
@click.option("--condition", "conditions", metavar="NAME", multiple=True, help="Must hold before a run; may be repeated.")
@click.option("--timeout", metavar="DURATION", help="Of one attempt.")
@click.option("--retries", type=Number(0, 1_000_000), metavar="N", help="How often a failed run is tried again.")
@click.option("--priority", type=click.Choice([priority.value for priority in Priority]), help="Who starts first.")
@click.option("--disabled", is_flag=True, help="Declare it, and let nothing of it run.")
@commit_option
@dry_run_option
@state_options
@click.pass_obj
def command(app: App, /, name: str | None, slug: str | None, commit: bool, dry_run: bool, **given: Any) -> None:
    """Add a job called NAME behind the others of the jobs file; comments and order stay as they are.

    Say what it does with one of --command, --run and --prompt, and when with one of --schedule, --interval, --after and
    --manual. Every other field can be written into the file afterwards.
    """
    job = name or slug
    if job is None or (name and slug and name != slug):
        raise click.UsageError("name the job: `octojobs create NAME …`" if job is None else f"the job has two names, {name} and {slug}")
    _one_of(ACTIONS, given, "what a run does")
    _one_of(WHENS, given, "when it is due")
    if given["agent"] and not given["prompt"]:
        raise click.UsageError("--agent needs a --prompt")
    if not is_text(" ".join(_texts(given))):
        raise click.UsageError("a value is not UTF-8 text")
    workspace = app.workspace()
    edit = creation(workspace, job, _fields(given))
    carry_out(app, workspace, edit, commit=commit, dry_run=dry_run)
    definitions = edit.amendment.definitions
    created = definitions.jobs.get(job)  # type: ignore[call-overload]  # a JobId is a str
    if created is not None and isinstance(created.action, AgentAction) and agent_of(created.action) not in definitions.agents:
        app.screen.note(f"{job} is declared and listed; it can't run yet: {'; '.join(missing(agent_of(created.action)))}")


def _texts(given: dict[str, Any]) -> Iterator[str]:
    for value in given.values():
        yield from (part for part in (value if isinstance(value, tuple) else (value,)) if isinstance(part, str))


def _one_of(names: tuple[str, ...], given: dict[str, Any], what: str) -> None:
    said = [f"--{name}" for name in names if given[name]]
    if len(said) != 1:
        options = ", ".join(f"--{name}" for name in names)
        raise click.UsageError(f"say {what} with one of {options}" + (f", not with {' and '.join(said)}" if said else ""))


def _fields(given: dict[str, Any]) -> dict[str, Any]:
    """The job's fields in the order in which people write them; what was not given is left out."""
    schedule = given["schedule"]
    fields = {
        "title": given["title"],
        "description": given["description"],
        "tags": list(given["tags"]),
        "enabled": False if given["disabled"] else None,
        "schedule": schedule[0] if len(schedule) == 1 else list(schedule),
        "interval": given["interval"],
        "after": given["after"],
        "manual": given["manual"] or None,
        "timezone": given["timezone"],
        "conditions": list(given["conditions"]),
        "command": given["command"],
        "run": given["run"],
        "agent": given["agent"],
        "prompt": given["prompt"],
        "timeout": given["timeout"],
        "retries": {"max": given["retries"]} if given["retries"] is not None else None,
        "priority": given["priority"],
    }
    return {name: value for name, value in fields.items() if value not in (None, [], "")}
