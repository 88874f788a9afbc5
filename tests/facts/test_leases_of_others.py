"""A lease that is bound to another user's process holds while that lives."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from octojobs import platform
from octojobs.core.definitions import Settings
from octojobs.core.lease import Lease, to_json
from octojobs.core.run import Process
from octojobs.facts import leases
from octojobs.facts.fact import FactContext
from octojobs.platform import boot_id, start_ticks
from tests.facts.world import as_nobody, now, process_in
from tests.helpers import write


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can ask as another user")
def test_a_lease_of_another_users_process_holds_while_it_lives(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may not be signalled, but it is there; where /proc hides it, nobody knows."""

    def asked() -> str:
        context = FactContext(None, open_folder, open_folder, Settings(), now())
        return as_nobody(lambda: f"{len(leases.read(context).holding)} {'; '.join(leases.read(context).unreadable)}")

    with process_in(open_folder) as pid:
        process = Process(pid, start_ticks(pid) or 0, boot_id())
        path = write(open_folder / "leases/one.json", json.dumps(to_json(Lease("reviewer", task="t", process=process))))
        path.parent.chmod(0o755)
        assert asked() == "1 "
        monkeypatch.setattr(platform, "start_ticks", lambda _: None)
        assert asked() == f"0 whether process {pid} of lease one.json is alive can't be told"
    assert asked() == "0 "
