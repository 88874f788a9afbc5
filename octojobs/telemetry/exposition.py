"""Where metrics are to be had: a file that is replaced whole, and an address of this machine alone."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, generate_latest, make_wsgi_app
from prometheus_client.exposition import start_wsgi_server

log = logging.getLogger("octojobs.metrics")

HOST = "127.0.0.1"
PATIENCE_S = 10.0
_MODE = 0o644
"""Another user's node_exporter reads the file, whatever the umask of the daemon."""


class TextFile:
    """The file of node_exporter's textfile collector, replaced every so often; a disk that refuses is told once."""

    def __init__(self, path: Path, every_s: float) -> None:
        self._path = path
        self._every_s = every_s
        self._at = float("-inf")
        self._told = ""
        self._writer: threading.Thread | None = None

    def turn(self, registry: CollectorRegistry, now: float) -> None:
        """Have it written if it is old; `now` is monotonic.

        On a thread of its own: the text of hundreds of series takes longer than a start may be late.
        """
        if now - self._at < self._every_s or (self._writer is not None and self._writer.is_alive()):
            return
        self._at = now
        self._writer = threading.Thread(target=self._write, args=(registry,), name="octojobs-metrics", daemon=True)
        try:
            self._writer.start()
        except RuntimeError:  # the system has no room for a thread
            self._writer = None

    def finish(self) -> None:
        """Wait for the one that is being written."""
        if self._writer is not None:
            self._writer.join()
            self._writer = None

    def write(self, registry: CollectorRegistry) -> None:
        """Replace it now, after the one that is being written: a reader sees the old text or the new one."""
        self.finish()
        self._write(registry)

    def _write(self, registry: CollectorRegistry) -> None:
        try:
            _replace(self._path, generate_latest(registry))
        except OSError as error:
            problem = f"{self._path} can't be written: {error.strerror}"
            if problem != self._told:
                log.warning("%s", problem)
            self._told = problem
        else:
            self._told = ""


def _replace(path: Path, data: bytes) -> None:
    """Not synced: it says nothing that a crash must keep."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        temporary.unlink()  # of a process that had our number and was killed
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, _MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, _MODE)
            file.write(data)
        os.rename(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


class Endpoint:
    """`http://127.0.0.1:PORT/metrics`, on a thread of its own. Other names of this machine are refused: a page in a browser may use one."""

    def __init__(self, registry: CollectorRegistry, port: int) -> None:
        """Listen; raises OSError where somebody else does."""
        self._server: WSGIServer
        self._server, self._thread = start_wsgi_server(port, HOST, registry)
        self._server.RequestHandlerClass = _Handler
        self._server.set_app(_for_names(make_wsgi_app(registry), {f"{name}:{port}" for name in (HOST, "localhost")}))

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(WSGIRequestHandler):
    """Whoever asks for nothing, or takes no answer, has a thread and a descriptor of the daemon's no longer than `PATIENCE_S`."""

    def handle(self) -> None:
        """What the server calls for a connection."""
        self.connection.settimeout(PATIENCE_S)
        with suppress(OSError):
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the name of the standard library
        """Who asks for metrics is no line of the log."""


def _for_names(app: Callable[..., Iterable[bytes]], names: set[str]) -> Callable[..., Iterable[bytes]]:
    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("HTTP_HOST", "") in names:
            return app(environ, start_response)
        start_response("403 Forbidden", [("content-type", "text/plain")])
        return [b"ask for 127.0.0.1\n"]

    return answer
