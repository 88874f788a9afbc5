"""A crontab as one new file of jobs."""

from __future__ import annotations

import getpass
from collections.abc import Iterable

from octojobs.actions.importing.base import Import, There, decoded, one_file, target_of
from octojobs.actions.local_zone import local_zone
from octojobs.actions.workspace import Workspace
from octojobs.config.exchange.crontab import read_crontab
from octojobs.config.exchange.crontab_jobs import jobs_of


def from_crontab(workspace: Workspace, data: bytes, *, shown: str, name: str, system: bool = False, timezone: str | None = None) -> Import:
    """All entries of a crontab as one file, `.octopoid/jobs/<name>.yaml`; `shown` is what messages call the crontab.

    `timezone` is the zone that the schedules are meant in, the machine's where it is None. Raises UsageError when the file is
    there already, InvalidDefinitions when the repository's own definitions can't be read.
    """
    there = There.of(workspace)
    target = target_of(there, name)
    zone = timezone or local_zone(workspace.environ)
    found = jobs_of(read_crontab(shown, decoded(shown, data), system=system), timezone=zone, user=getpass.getuser(), taken=there.names)
    return one_file(there, target, shown=shown, zone=zone, header=_header(shown, zone), jobs=found.jobs, problems=found.problems)


def _header(shown: str, zone: str) -> Iterable[str]:
    return (
        f"From {shown}, whose times are meant in {zone}.",
        "",
        "What cron does otherwise: it starts commands in the home folder (`cwd:`), with a PATH of /usr/bin:/bin (`env:`),",
        "makes up for nothing that it missed (`catch_up: none`), and starts a job although it is still running (`overlap: allow`).",
    )
