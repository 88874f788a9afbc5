"""Jobs and the daemon for the machine's own service manager, or its cron: which files, and writing them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from octojobs.actions.catalog import find_job
from octojobs.actions.local_zone import local_zone
from octojobs.actions.service_unit import log_file, program, template
from octojobs.actions.workspace import Workspace
from octojobs.config.exchange import cron_lines, launchd, systemd
from octojobs.config.exchange.units import Exported, UnitFile
from octojobs.core.job import Job
from octojobs.core.one_line import require_one_line
from octojobs.errors import UsageError


def to_systemd(workspace: Workspace, names: Sequence[str], *, every: bool = False) -> Exported:
    """A timer and a service for each named job, or each job; the daemon's unit when none is named."""
    if not names and not every:
        return Exported((systemd.daemon_unit(template(), workspace.root, program()),), ())
    return systemd.job_units(_jobs(workspace, names), workspace.root, program())


def to_launchd(workspace: Workspace, names: Sequence[str], *, every: bool = False, timezone: str | None = None) -> Exported:
    """An agent for each named job, or each job; the daemon's agent when none is named. `timezone` is the other machine's."""
    root, log = workspace.root, log_file(workspace.root)
    if not names and not every:
        return Exported((launchd.daemon_agent(root, program(), log),), ())
    return launchd.job_agents(_jobs(workspace, names), root, program(), log, timezone or local_zone(workspace.environ))


def to_crontab(workspace: Workspace, names: Sequence[str], *, every: bool = False, timezone: str | None = None) -> Exported:
    """Lines of a crontab for each named job, or each job; the line that calls `octojobs tick` when none is named."""
    root = workspace.root
    require_one_line(str(root))
    if not names and not every:
        return Exported((UnitFile("octojobs.crontab", cron_lines.tick_line(root, program())),), ())
    return cron_lines.job_lines(_jobs(workspace, names), root, program(), timezone or local_zone(workspace.environ))


def write_units(exported: Exported, folder: Path) -> tuple[Path, ...]:
    """Write the files into the folder; UsageError, and nothing written, when one is there already."""
    paths = [folder / file.name for file in exported.files]
    for path in paths:
        if path.exists() or path.is_symlink():
            raise UsageError(f"{path} is there already, and nothing is overwritten", "move it away, or name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    for path, unit in zip(paths, exported.files, strict=True):
        with path.open("x", encoding="utf-8") as file:
            file.write(unit.text)
    return tuple(paths)


def _jobs(workspace: Workspace, names: Sequence[str]) -> list[Job]:
    """The named jobs in that order, each once; all of them without a name."""
    return list({job.id: job for job in (find_job(workspace, name) for name in names)}.values()) or list(
        workspace.definitions.jobs.values()
    )
