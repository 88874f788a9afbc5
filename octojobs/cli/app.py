"""What every verb is given: where to look, and the screen; and the options that say so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from octojobs.cli.here import here
from octojobs.cli.place import Place
from octojobs.cli.screen import Screen
from octojobs.cli.text import visible
from octojobs.slotted import dataclass

if TYPE_CHECKING:
    from octojobs.actions.workspace import Workspace

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(slots=True)
class App:
    """One invocation: the folders that were named (None: the defaults), and the screen."""

    repo: Path | None = None
    source: str | None = None
    state_dir: Path | None = None
    jobs_file: str | None = None
    allow_network_fs: bool = False
    screen: Screen = field(default_factory=Screen)

    def workspace(self) -> Workspace:
        """The repository with its definitions and state; UsageError outside git."""
        # lazily: `--help` and completion of verbs open nothing
        from octojobs.actions.workspace import Workspace
        from octojobs.cli.crash import no_traceback_for_threads
        from octojobs.engine.zonedata import use_newest

        no_traceback_for_threads()
        use_newest()
        workspace = Workspace.open(self.repo or here(), source=self.source, state_dir=self.state_dir, jobs_file=self.jobs_file)
        workspace.allow_network_fs = self.allow_network_fs
        workspace.tell = lambda text: self.screen.note(visible(f"octojobs: {text}"), "yellow")
        return workspace


def _remember(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value == "":
        # a script's empty variable must not stand for the default
        raise click.BadParameter("it is empty; give a value, or leave it away", ctx, parameter)
    if value is not None and parameter.name is not None:
        setattr(ctx.ensure_object(App), parameter.name, value)


def repo_option(function: F) -> F:
    """`--repo PATH`, before or after the verb."""
    option = click.option(
        "--repo",
        metavar="PATH",
        type=Place(path_type=Path),
        expose_value=False,
        callback=_remember,
        help="The repository, or a folder in it; else the current folder.",
    )
    return option(function)


def state_options(function: F) -> F:
    """`--repo`, `--state-dir` and `--jobs-file`: for the verbs that read what a repository declares and records."""
    function = click.option(
        "--jobs-file",
        metavar="PATH",
        expose_value=False,
        callback=_remember,
        help="The jobs file, relative to the repository; else .octopoid/jobs.yaml.",
    )(function)
    function = click.option(
        "--state-dir",
        metavar="PATH",
        type=Place(path_type=Path),
        expose_value=False,
        callback=_remember,
        help="Where octojobs keeps its state; else under the git folder.",
    )(function)
    return repo_option(function)


def where_options(function: F) -> F:
    """`state_options` and `--source`: for the verbs that follow the definitions that are live."""
    function = click.option(
        "--source",
        metavar="REF",
        expose_value=False,
        callback=_remember,
        help="Where definitions come from: HEAD, a full ref name, or `worktree` for live editing.",
    )(function)
    return state_options(function)


network_option = click.option(
    "--allow-network-fs",
    is_flag=True,
    expose_value=False,
    callback=_remember,
    help="Keep state on a network or memory file system, where it may not survive a crash.",
)
"""For the verbs that write state themselves where no daemon runs."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")

log_format_option = click.option(
    "--log-format",
    type=click.Choice(["console", "json"]),
    default="console",
    envvar="OCTOJOBS_LOG_FORMAT",
    show_envvar=True,
    help="The log in sentences, or one JSON object a line with the fields of each event.",
)

dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")


def complete_job(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """The names of jobs that begin with what was typed; nothing when they can't be read: completion never fails."""
    names = _jobs(ctx)
    return [name for name in names if name.startswith(incomplete)]


def complete_agent(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """The names of agents that begin so, as above."""
    app = ctx.find_object(App) or App()
    try:
        from octojobs.actions.agents import agent_names  # lazily, as above

        names = agent_names(app.workspace())
    except Exception:  # noqa: BLE001 - as above
        return []
    return [name for name in names if name.startswith(incomplete)]


def _jobs(ctx: click.Context) -> Mapping[Any, Any]:
    app = ctx.find_object(App) or App()
    try:
        definitions = app.workspace().in_force
    except Exception:  # noqa: BLE001 - a shell that completes shows no errors, whatever they are
        return {}
    return definitions.jobs if definitions is not None else {}
