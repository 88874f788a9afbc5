"""The answer of an agent goes where its job says: the scheduler RFC's job, as it is written, to a relay."""

from __future__ import annotations

import json

from tests.agents.world import AGENT, Agents
from tests.helpers import commit_files, octojobs
from tests.notify.world import receiving

AUDIT = """\
jobs:
  weekly-stack-audit:
    prompt: "do:result"
    agent: "kode"               # or "kortex", "custom-agent-id"
    schedule: "0 9 * * MON"     # cron expr; or "@once 2026-05-15T10:00Z"
    output: {channel: "kode-chat:user-rpm32510"}
    retries: {max: 3, backoff: "exponential"}
    timeout: "30m"
    enabled: true
"""


def test_the_answer_is_dispatched_by_the_relay(agents: Agents) -> None:
    """Channel, title, body and status are those of the RFC; a second look of a daemon dispatches nothing more."""
    with receiving() as relay:
        settings = f"channels:\n  kode-chat: {{relay: 'http://127.0.0.1:{relay.server_port}', allow_hosts: [127.0.0.1]}}\n"
        files = {".octopoid/jobs.yaml": AUDIT, ".octopoid/octojobs.yaml": settings, ".octopoid/agents/kode/agent.yaml": AGENT}
        commit_files(agents.repo, files)
        assert octojobs(agents.repo, "run-now", "weekly-stack-audit").returncode == 0
        octojobs(agents.repo, "up", "--once")
        ((_, body),) = relay.got
    assert relay.paths == ["/v1/dispatch"]
    told = json.loads(body)
    answer, _, log = told["message"].pop("body").partition("\n\n")
    assert told == {
        "channel": "kode-chat:user-rpm32510",
        "message": {"title": "[weekly-stack-audit] completed", "status": "success"},
    }
    assert answer == "done"
    assert log.startswith(f"{agents.state}/runs/weekly-stack-audit/")
