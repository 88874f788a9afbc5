"""Claims as leases, a file each in the state folder: guards such as `no_agents_running` see there who is at work."""

from __future__ import annotations

import json
import os
from contextlib import suppress

from octojobs.core.codec import format_instant
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
        lease = {
            "v": 1,
            "holder": claim.holder,
            "task": str(kept.task.id),
            "since": format_instant(claim.since),
            "until": format_instant(claim.until),
        }
        if claim.process is not None:
            lease |= {"pid": claim.process.pid, "start_ticks": claim.process.start_ticks, "boot_id": claim.process.boot_id}
        make_private_folders(self._paths.leases)
        replace_file(path, json.dumps(lease, ensure_ascii=False).encode() + b"\n")
