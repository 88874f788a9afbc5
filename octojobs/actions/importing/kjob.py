"""Jobs of kjob as one new file."""

from __future__ import annotations

from octojobs.actions.importing.base import Import, There, decoded, one_file, target_of
from octojobs.actions.workspace import Workspace
from octojobs.config.exchange.kjob import jobs_of


def from_kjob(workspace: Workspace, data: bytes, *, shown: str, name: str, timezone: str | None = None) -> Import:
    """All jobs of a TOML file, or of a script of `kjob create` commands, as `.octopoid/jobs/<name>.yaml`.

    `timezone` is the zone that the schedules are meant in, UTC where it is None: kjob serves a cluster, not a machine. Raises
    UsageError when the file is there already, InvalidDefinitions when the repository's own definitions can't be read.
    """
    there = There.of(workspace)
    target = target_of(there, name)
    zone = timezone or "UTC"
    found = jobs_of(shown, decoded(shown, data))
    header = [f"From {shown}, whose times are meant in {zone}."]
    return one_file(there, target, shown=shown, zone=zone, header=header, jobs=found.jobs, problems=found.problems)
