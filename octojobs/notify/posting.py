"""One POST within ten seconds, to an address that was checked; no redirect is followed: it would lead what is posted elsewhere."""

from __future__ import annotations

import socket
import threading
from collections.abc import Collection, Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import SplitResult, urlsplit

from octojobs.notify.addresses import connect
from octojobs.notify.failures import Refused, Unreachable
from octojobs.notify.parcel import TIMEOUT_S

_LATER = frozenset({408, 425, 429})


def post(url: str, body: bytes, headers: Mapping[str, str], allow_hosts: Collection[str]) -> None:
    """Raises Unreachable for what may pass (no answer, 5xx, 408, 425, 429), Refused for what won't."""
    parts, host, port = _parts(url)
    connection = HTTPConnection(host, port, timeout=TIMEOUT_S)
    plain = connect(host, port, allow_hosts, TIMEOUT_S)
    handle = plain.dup()  # TLS takes the other one away
    cut = threading.Event()
    limit = threading.Timer(TIMEOUT_S, _cut, (handle, cut))  # a socket's own time limit is one for each piece of an answer
    limit.start()
    try:
        if parts.scheme == "https":
            secure = HTTPSConnection(host, port, timeout=TIMEOUT_S)
            connection = secure
            secure.sock = _default_context().wrap_socket(plain, server_hostname=host)
        else:
            connection.sock = plain
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body, {"user-agent": "octojobs", **headers})
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        if cut.is_set() or isinstance(error, TimeoutError):
            raise Unreachable(f"{host} did not answer within {TIMEOUT_S:g} s") from None
        raise Unreachable(f"{host} did not answer: {error}") from None
    except ValueError as error:
        raise Refused(f"the address can't be asked for: {error}") from None
    finally:
        limit.cancel()
        handle.close()
        connection.close()
        plain.close()
    if status >= 500 or status in _LATER:
        raise Unreachable(f"{host} answered {status}")
    if status >= 300:
        raise Refused(f"{host} answered {status}")


def _parts(url: str) -> tuple[SplitResult, str, int]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise Refused(f"the address is none: {error}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise Refused("it is no http or https address")
    return parts, host, port


def _cut(connection: socket.socket, cut: threading.Event) -> None:
    cut.set()
    with suppress(OSError):  # it has just ended by itself
        connection.shutdown(socket.SHUT_RDWR)


def _default_context() -> Any:
    import ssl  # 15 ms, for https alone

    return ssl.create_default_context()
