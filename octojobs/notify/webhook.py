"""A webhook: a signed POST of the message as JSON, within ten seconds, to an address that was checked.

The signature is that of Standard Webhooks (standardwebhooks.com): `webhook-signature: v1,BASE64(HMAC-SHA256(secret, ID.TIMESTAMP.BODY))`.
No redirect is followed: it would lead the message, and its signature, elsewhere.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from octojobs.notify.addresses import connect
from octojobs.notify.failures import Refused, Unreachable
from octojobs.notify.parcel import TIMEOUT_S, Parcel

_LATER = frozenset({408, 425, 429})


def signature(secret: str, name: str, timestamp: int, body: bytes) -> str:
    """What the receiver computes, too, and compares; `name` is the message's id, which it should take once only."""
    signed = hmac.digest(secret.encode(), f"{name}.{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(signed).decode()}"


def send(parcel: Parcel) -> None:
    """Post the message. Raises as `post`."""
    post(parcel, parcel.channel.webhook, parcel.told)


def post(parcel: Parcel, url: str, content: Mapping[str, Any]) -> None:
    """Post as JSON; raises Unreachable for what may pass (no answer, 5xx, 408, 425, 429), Refused for what won't."""
    channel, name, timestamp = parcel.channel, parcel.id, parcel.timestamp
    secret = parcel.secrets((channel.secret,))[channel.secret] if channel.secret else ""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise Refused(f"the address is none: {error}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise Refused("it is no http or https address")
    body = json.dumps(content).encode()
    headers = {"content-type": "application/json", "user-agent": "octojobs", "webhook-id": name, "webhook-timestamp": str(timestamp)}
    if secret:
        headers["webhook-signature"] = signature(secret, name, timestamp, body)
    connection = HTTPConnection(host, port, timeout=TIMEOUT_S)
    plain = connect(host, port, channel.allow_hosts, TIMEOUT_S)
    try:
        if parts.scheme == "https":
            secure = HTTPSConnection(host, port, timeout=TIMEOUT_S)
            connection = secure
            secure.sock = _default_context().wrap_socket(plain, server_hostname=host)
        else:
            connection.sock = plain
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body, headers)
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        raise Unreachable(f"{host} did not answer: {error}") from None
    except ValueError as error:
        raise Refused(f"the address can't be asked for: {error}") from None
    finally:
        connection.close()
        plain.close()
    if status >= 500 or status in _LATER:
        raise Unreachable(f"{host} answered {status}")
    if status >= 300:
        raise Refused(f"{host} answered {status}")


def _default_context() -> Any:
    import ssl  # 15 ms, for webhooks alone

    return ssl.create_default_context()
