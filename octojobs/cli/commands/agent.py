"""`octojobs agent`: who may be asked, asking one by hand, and what it has cost."""

from __future__ import annotations

from datetime import datetime

import click

from octojobs.actions.agents import list_agents, usage
from octojobs.cli.app import App, complete_job, json_option, where_options
from octojobs.cli.commands import agent_run
from octojobs.cli.family import Family
from octojobs.cli.group import Verb
from octojobs.cli.params import AGE
from octojobs.cli.text import plural, visible
from octojobs.views.values import View


@click.group(
    "agent",
    cls=Family,
    examples=[
        ("octojobs agent list", "the agents that jobs may ask, and whether their programs are there"),
        ('octojobs agent run claude "Which pull requests are stale?"', "ask one, by hand"),
        ("octojobs agent usage --since 7d", "what they have used this week"),
    ],
)
def command() -> None:
    """Coding agents: the programs that jobs with a `prompt` ask, or you by hand. docs/agents.md tells how."""


@command.command(
    "list",
    cls=Verb,
    examples=[("octojobs agent list", "the repository's, then those that are shipped"), ("octojobs agent list --json", "for a program")],
)
@json_option
@where_options
@click.pass_obj
def list_(app: App, as_json: bool) -> None:
    """List the agents: those of .octopoid/agents/, and those that are shipped.

    The shipped programs are asked for their versions; what the repository itself names is only looked for.
    In a pipe the columns are: agent, profile, program, version or what is wrong (and a rate limit), jobs, pool.
    """
    agents = list_agents(app.workspace())
    if as_json:
        app.screen.json({"agents": agents})
    else:
        app.screen.table(["AGENT", "PROFILE", "PROGRAM", "", "JOBS", "POOL"], [_agent_row(view) for view in agents])


def _agent_row(view: View) -> list[str]:
    there = view["problem"] or (("found" if view["version"] is None else view["version"]) if view["found"] else "not there")
    if view["limit"]:
        there += f"; rate limit until {view['limit']['until']}"
    return [view["agent"], view["profile"] or "", view["program"] or "", there, " ".join(view["jobs"]), " ".join(view["pools"])]


@command.command(
    "usage",
    cls=Verb,
    examples=[
        ("octojobs agent usage", "all that is recorded, by day, job and agent"),
        ("octojobs agent usage --job review --since 24h", "of one job, since yesterday"),
        ("octojobs agent usage --json | jq .total.cost_usd", "the sum, for a program"),
    ],
)
@click.option("--job", metavar="JOB", shell_complete=complete_job, help="Only this job.")
@click.option("--agent", metavar="NAME", help="Only this agent.")
@click.option("--since", type=AGE, metavar="INSTANT|AGE", help="Only what ended since then: 2026-11-20T10:00Z, or 7d.")
@json_option
@where_options
@click.pass_obj
def usage_(app: App, job: str | None, agent: str | None, since: datetime | None, as_json: bool) -> None:
    """Show what agents have used, as their programs told it: tokens, and dollars where the program tells them.

    Days are those of each job's own zone. It is read from the history, and kept as long.
    In a pipe the columns are: day, job, agent, runs, input tokens, those of them from a cache, output tokens, dollars, remark.
    """
    view = usage(app.workspace(), job, agent, since)
    if as_json:
        app.screen.json(view)
        return
    for problem in view["problems"]:
        app.screen.note(visible(f"{problem}: there may have been more"), "yellow")
    if not view["usage"]:
        app.screen.note("no agent has run" + (" like that" if job or agent or since else " yet"))
        return
    rows = [[one["day"], one["job"], one["agent"], *_numbers(one)] for one in view["usage"]]
    app.screen.table(["DAY", "JOB", "AGENT", "RUNS", "INPUT", "CACHED", "OUTPUT", "USD", ""], rows)
    if len(rows) > 1:
        runs, read, _, written, cost, _ = _numbers(view["total"])
        app.screen.note(f"together: {runs} runs, {read or 'no'} input and {written or 'no'} output tokens, {cost or 'no'} USD")


def _numbers(one: View) -> list[str]:
    counts = ["" if one[name] is None else str(one[name]) for name in ("input_tokens", "cached_tokens", "output_tokens")]
    cost = "" if one["cost_usd"] is None else f"{one['cost_usd']:.4f}"
    untold = f"{plural(one['untold'], 'attempt')} told nothing" if one["untold"] else ""
    return [str(one["runs"]), *counts, cost, untold]


command.add_command(agent_run.command)
