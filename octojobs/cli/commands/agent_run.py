"""`octojobs agent run NAME PROMPT`: asks an agent, once."""

from __future__ import annotations

import sys
from codecs import getincrementaldecoder
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

import click

from octojobs.actions.by_hand import ask_daemon, preview, question_request
from octojobs.actions.results import with_result
from octojobs.actions.workspace import Workspace
from octojobs.cli.app import App, complete_agent, dry_run_option, json_option, network_option, where_options
from octojobs.cli.asked import follow_asked, run_here
from octojobs.cli.commands.logs import print_output
from octojobs.cli.group import Verb
from octojobs.cli.params import DURATION, Number
from octojobs.cli.place import Place
from octojobs.cli.preview import show_preview
from octojobs.cli.running import require_commit, tell_ended
from octojobs.cli.text import visible
from octojobs.core.agent import Agent
from octojobs.core.question import Question
from octojobs.errors import ExitCode, UsageError
from octojobs.views.values import View

_MOST = 1 << 20
"""Bytes that are read of a prompt: one that is longer is refused whatever comes."""


@click.command(
    "run",
    cls=Verb,
    examples=[
        ('octojobs agent run claude "Which pull requests are stale?"', "its output, then what it has used; exit 1 when it fails"),
        ("git diff | octojobs agent run reviewer -", "the prompt from standard input"),
        ("octojobs agent run codex --prompt-file ask.md --timeout 10m", "or from a file"),
        ('octojobs agent run claude "Is it green?" --json | jq -r .run.result.text', "the answer alone"),
    ],
)
@click.argument("name", shell_complete=complete_agent)
@click.argument("prompt", metavar="[PROMPT|-]", required=False)
@click.option("--prompt-file", "file", type=Place(path_type=Path), metavar="PATH", help="The prompt is what stands there.")
@click.option("--model", metavar="NAME", default="", help="The model; else the agent's own.")
@click.option("--max-turns", type=Number(1), metavar="N", help="How many turns it may take.")
@click.option("--allowed-tools", "tools", multiple=True, metavar="TOOL", help="A tool that it may use unasked; may be given again.")
@click.option("--timeout", type=DURATION, metavar="DURATION", help="End it after that; else as its profile says, 2h.")
@click.option("--force", is_flag=True, help="Also while its provider's rate limit holds.")
@json_option
@dry_run_option
@network_option
@where_options
@click.pass_obj
def command(
    app: App,
    name: str,
    prompt: str | None,
    file: Path | None,
    model: str,
    max_turns: int | None,
    tools: tuple[str, ...],
    timeout: timedelta | None,
    *,
    force: bool,
    as_json: bool,
    dry_run: bool,
) -> int:
    """Ask the agent NAME, in a worktree of its own at HEAD, and wait for the answer.

    The daemon starts it; where none runs, it runs here. The prompt is taken as it stands, after the agent's own texts. What it
    commits becomes a branch, the rest a patch. It is a run of `_agent` for `runs`, `logs` and `agent usage`.
    """
    workspace = app.workspace()
    question = Question(name, _prompt(prompt, file), model, max_turns, tools, timeout.total_seconds() if timeout else None)
    job, agent, request = question_request(workspace, question, force=force)
    if workspace.kept_note:
        app.screen.note(f"octojobs: {visible(workspace.kept_note)}")
    if dry_run:
        show_preview(app, preview(workspace, job, request))
        return ExitCode.OK
    require_commit(workspace)

    def tell(view: View) -> None:
        found = with_result(workspace.paths, view)
        if as_json:
            app.screen.json({"run": found})
        elif found["outcome"] is not None:
            _tell(app, workspace, agent, found)

    answer = ask_daemon(workspace, request)
    if answer is None:
        return run_here(app, workspace, request, tell, follows=not as_json)
    return follow_asked(app, workspace, request, answer, tell, wait=True, follows=not as_json)


def _prompt(text: str | None, file: Path | None) -> str:
    if (text is None) is (file is None):
        raise click.UsageError("give a prompt, - or --prompt-file" if file is None else "a prompt or --prompt-file, not both")
    if file is None and text != "-":
        return text or ""
    try:
        with open(file, "rb") if file is not None else nullcontext(sys.stdin.buffer) as source:
            data = source.read(_MOST)
        return getincrementaldecoder("utf-8")().decode(data, final=len(data) < _MOST)  # a letter that is cut in two is no fault of its
    except OSError as error:
        raise UsageError(f"{visible(str(file))} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{visible(str(file)) if file else 'standard input'} is not UTF-8, and a prompt is text") from None


def _tell(app: App, workspace: Workspace, agent: Agent, run: View) -> None:
    """How it ended; the answer by itself where the program prints more than that, and what it has used."""
    result = run["result"] if isinstance(run["result"], dict) else {}
    if agent.profile.output != "text" and result.get("text"):
        print_output(app, [f"{result['text']}\n".encode("utf-8", "replace")])
    tell_ended(app, workspace, [run], tails=False)
    used = [f"{result[f'{word}_tokens']} {word} tokens" for word in ("input", "output") if result.get(f"{word}_tokens") is not None]
    if result.get("cost_usd") is not None:
        used.append(f"{result['cost_usd']:.4f} USD")
    if used:
        app.screen.note(f"used: {', '.join(used)}" + (f", {visible(str(result['model']))}" if result.get("model") else ""))
