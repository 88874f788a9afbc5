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
from typing import Any

from octojobs.notify import posting
from octojobs.notify.parcel import Parcel


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
    body = json.dumps(content).encode()
    headers = {"content-type": "application/json", "webhook-id": name, "webhook-timestamp": str(timestamp)}
    if secret:
        headers["webhook-signature"] = signature(secret, name, timestamp, body)
    posting.post(url, body, headers, channel.allow_hosts)
