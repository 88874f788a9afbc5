"""Claims as leases, a file each in the state folder: guards such as `no_agents_running` see there who is at work."""

from __future__ import annotations

import json
import os
from contextlib import suppress

from octojobs.core.lease import Lease, to_json
from octojobs.flows.record import Kept
from octojobs.platform import make_private_folders
from octojobs.store.atomic import replace_file, sync_folder
from octojobs.store.paths import StatePaths


class LeaseFiles:
    """The leases of tasks, `leases/task-ID.json`. The record says who has a task; these follow it."""

    def __init__(self, paths: StatePaths) -> None:
        self._paths = paths

    def follow(self, kept: Kept) -> None:
        """Write the lease of a task that is claimed, remove that of one that is not. Raises OSError."""
        path = self._paths.leases / f"task-{kept.task.id}.json"
        claim = kept.claim
        if claim is None:
            with suppress(FileNotFoundError, NotADirectoryError):
                os.unlink(path)
                sync_folder(path.parent)
            return
        lease = Lease(claim.holder, str(kept.task.id), process=claim.process, since=claim.since, until=claim.until)
        make_private_folders(self._paths.leases)
        replace_file(path, json.dumps(to_json(lease), ensure_ascii=False).encode() + b"\n")
