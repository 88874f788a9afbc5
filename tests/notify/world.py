"""Real servers and programs for channels: what they got, and a message that would do harm if it were more than data."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from octojobs.notify.delivery import Sender
from octojobs.store.paths import StatePaths
from tests.helpers import wait_until

HOSTILE = "$(touch hacked); `touch hacked`\n'\""
MESSAGE = {
    "event": "failed",
    "status": "failed",
    "title": HOSTILE,
    "body": "exit code 3",
    "link": "/runs/1/output.log",
    "job": "nightly",
    "run": "nightly@20261120T020000Z",
    "exit_code": None,
    "channel": "ops:one",
    "to": "one",
}


class Receiver(HTTPServer):
    """A real server that answers what it is told to, and keeps what it got."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.paths: list[str] = []
        self.answer = 200
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}/hook?a=b"


class Handler(BaseHTTPRequestHandler):
    """Keeps each POST."""

    server: Receiver

    def do_POST(self) -> None:
        """What `http.server` calls."""
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.paths.append(self.path)
        self.server.got.append(({key.lower(): value for key, value in self.headers.items()}, body))
        self.send_response(self.server.answer)
        self.send_header("location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the name of the standard library
        """Nothing on the terminal."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A server that listens until the end."""
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def sender(root: Path, **environ: str) -> Sender:
    """A sender in a repository."""
    return Sender(root, {"PATH": "/usr/bin:/bin", "HOME": str(root), **environ}, StatePaths(root / "state"))


class Sink:
    """Keeps the mails that it is given."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.to: list[list[str]] = []
        self.answer = "250 taken"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 -- the name that aiosmtpd calls
        """What the server calls with each mail."""
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.to.append(envelope.rcpt_tos)
        return self.answer


@contextmanager
def mail_serving() -> Iterator[tuple[Sink, int]]:
    """A mail server until the end, and its port."""
    from aiosmtpd.controller import Controller  # not everybody who imports this file has it

    sink, port = Sink(), free_port()
    server = Controller(sink, hostname="127.0.0.1", port=port)
    server.start()
    try:
        yield sink, port
    finally:
        server.stop()


@contextmanager
def redis_serving(folder: Path, *options: str) -> Iterator[int]:
    """The port of Debian's redis-server, started for one test; it keeps nothing."""
    port = free_port()
    argv = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(folder), *options]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as server:
        try:
            wait_until(lambda: _listens(port), what="the redis server")
            yield port
        finally:
            server.terminate()


def free_port() -> int:
    """A port that nobody listens to just now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def program(folder: Path, name: str, body: str) -> Path:
    """An executable of this name in a folder of its own, for a PATH; returns the folder."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return folder


def _listens(port: int) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0
