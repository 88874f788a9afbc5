"""One failed run, told by a daemon on every kind of channel, each a line of the settings; no secret is in the records or the log."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import home_of, make_repository, octojobs, start_octojobs, wait_until, write
from tests.notify.world import mail_serving, program, receiving, redis_serving

redis = pytest.importorskip("redis", reason="the extra `redis` is not installed")
pytest.importorskip("apprise", reason="the extra `notify` is not installed")
pytest.importorskip("aiosmtpd", reason="aiosmtpd is not installed")
pytestmark = pytest.mark.skipif(shutil.which("redis-server") is None, reason="there is no redis-server here")

SETTINGS = """\
channels:
  ops: {{file: told.jsonl}}
  log: {{command: [sh, -c, "cat > logged"]}}
  team: {{webhook: "http://127.0.0.1:{http}/hook", secret: HOOK, allow_hosts: [127.0.0.1]}}
  kode-chat: {{relay: "http://127.0.0.1:{http}", allow_hosts: [127.0.0.1]}}
  bot: {{redis: "redis://:${{REDIS_PASSWORD}}@127.0.0.1:{redis}/0/notifications:{{platform}}"}}
  mail: {{apprise: "mailto://127.0.0.1:{smtp}?from=octojobs@example.org&to=${{MAILBOX}}&mode=insecure"}}
  todo: {{task: {{priority: P1}}}}
  screen: {{desktop: true}}
"""
JOBS = """\
jobs:
  bad:
    interval: 1h
    command: echo no ink; exit 3
    notify: {channels: [ops, log, team, "kode-chat:ada", "bot:telegram", mail, todo, screen]}
"""
SECRETS = {"HOOK": "h00k-secret", "REDIS_PASSWORD": "r3dis-secret", "MAILBOX": "hidden-box@example.org"}


def test_a_failure_is_told_on_every_kind_of_channel(tmp_path: Path) -> None:
    """By real servers and programs."""
    tools = program(tmp_path / "tools", "notify-send", f'printf "%s\\n" "$@" > {tmp_path}/shown')
    with receiving() as http, mail_serving() as (mails, smtp), redis_serving(tmp_path, "--requirepass", SECRETS["REDIS_PASSWORD"]) as port:
        settings = SETTINGS.format(http=http.server_port, smtp=smtp, redis=port)
        repo = make_repository(tmp_path, {".octopoid/octojobs.yaml": settings, ".octopoid/jobs.yaml": JOBS})
        secrets = "".join(f"{name}={value}\n" for name, value in SECRETS.items())
        write(home_of(repo) / ".config/octojobs/secrets.env", secrets).chmod(0o600)
        listener = redis.Redis(port=port, password=SECRETS["REDIS_PASSWORD"]).pubsub(ignore_subscribe_messages=True)
        listener.subscribe("notifications:telegram")
        assert octojobs(repo, "allow", "--yes").returncode == 0
        daemon = start_octojobs(repo, "up", PATH=f"{tools}{os.pathsep}{os.environ['PATH']}")
        try:
            wait_until(lambda: _outbox(repo) == (0, 0) and mails.mails and (repo / "told.jsonl").exists(), timeout=60, what="all of it")
            published = _published(listener)
        finally:
            daemon.terminate()
            daemon.wait(30)
            listener.close()
    told = json.loads((repo / "told.jsonl").read_text())
    assert told["body"].endswith("no ink")
    assert json.loads((repo / "logged").read_text())["title"] == "bad failed"
    assert sorted(http.paths) == ["/hook", "/v1/dispatch"]
    assert (published["to"], published["run"]) == ("telegram", told["run"])
    assert mails.mails[0]["subject"] == "bad failed"
    assert "bad failed" in octojobs(repo, "task", "list").stdout
    assert "bad failed" in (tmp_path / "shown").read_text()
    kept = b"".join(path.read_bytes() for path in (repo / ".git/octojobs").rglob("*") if path.is_file())
    log = (home_of(repo) / "output.log").read_bytes()
    assert [value for value in SECRETS.values() if value.encode() in kept + log] == []


def _outbox(repo: Path) -> tuple[int, int]:
    standing = json.loads(octojobs(repo, "status", "--json").stdout)["outbox"]
    return standing["pending"], standing["dead"]


def _published(listener: Any) -> dict[str, str]:
    found: list[bytes] = []

    def got() -> bool:
        message = listener.get_message(timeout=1)
        found.extend([message["data"]] if message else [])
        return bool(found)

    wait_until(got, what="the message on Redis")
    told: dict[str, str] = json.loads(found[0])
    return told
