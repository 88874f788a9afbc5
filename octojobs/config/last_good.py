"""The definitions that were in force last, contents and all, so that a restart on a broken commit keeps them, too."""

from __future__ import annotations

import logging
from pathlib import Path

from octojobs.config.approval import Plan, plan_from, plan_record
from octojobs.config.trust import read_private, write_private
from octojobs.errors import NotTrusted, OctojobsError

log = logging.getLogger("octojobs.definitions")


class LastGood:
    """One file of the state folder, `definitions.json`."""

    def __init__(self, state: Path) -> None:
        self._file = state / "definitions.json"
        self._kept: Plan | None = None

    def keep(self, plan: Plan) -> None:
        """Remember these files; what was remembered already costs nothing. A full disk is only a warning."""
        if self._kept is not None and self._kept.listing == plan.listing:
            return
        try:
            write_private(self._file, plan_record(plan), "see to the state folder: it is tried again with the next change")
        except OctojobsError as error:
            log.warning("%s", error)
            return
        self._kept = plan

    def recall(self) -> Plan | None:
        """What was remembered; None when there is nothing that can be relied on."""
        try:
            record = read_private(self._file)
            return plan_from(record) if record is not None else None
        except (NotTrusted, ValueError):
            return None
