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
from urllib.parse import urlsplit

from octojobs.notify import posting
from octojobs.notify.failures import Refused, Unreachable
from octojobs.notify.parcel import Parcel
from octojobs.notify.urls import with_secrets, without


def signature(secret: str, name: str, timestamp: int, body: bytes) -> str:
    """What the receiver computes, too, and compares; `name` is the message's id, which it should take once only."""
    signed = hmac.digest(secret.encode(), f"{name}.{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(signed).decode()}"


def send(parcel: Parcel) -> None:
    """Post the message. Raises as `post`."""
    post(parcel, parcel.channel.webhook, parcel.told)


def post(parcel: Parcel, url: str, content: Mapping[str, Any]) -> None:
    """Post as JSON to the address, its secrets in their places; raises Unreachable for what may pass, Refused for what won't."""
    channel, name, timestamp = parcel.channel, parcel.id, parcel.timestamp
    secret = parcel.secrets((channel.secret,))[channel.secret] if channel.secret else ""
    body = json.dumps(content).encode()
    headers = {"content-type": "application/json", "webhook-id": name, "webhook-timestamp": str(timestamp)}
    if secret:
        headers["webhook-signature"] = signature(secret, name, timestamp, body)
    address = with_secrets(parcel, url)
    try:
        posting.post(address, body, headers, channel.allow_hosts)
    except (Unreachable, Refused) as error:
        if address == url:
            raise
        raise type(error)(without(str(error), address, but=[urlsplit(url).hostname or ""])) from None
