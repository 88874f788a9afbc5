"""A ping, as healthchecks takes it: `URL/start`, `URL` or `URL/fail`, with the end of the output as its body."""

from __future__ import annotations

import uuid
from urllib.parse import urlsplit, urlunsplit

from octojobs.notify.parcel import Parcel
from octojobs.notify.posting import post

_SUFFIXES = {"start": "/start", "success": "", "fail": "/fail"}


def send(parcel: Parcel) -> None:
    """Post it. Raises Unreachable, Refused.

    `rid` names the run: a start and an end with the same one belong together, whatever comes between (healthchecks.io, "Run IDs").
    """
    parts = urlsplit(parcel.channel.ping)
    path = parts.path.rstrip("/") + _SUFFIXES[parcel.message["event"]]
    query = "&".join(filter(None, (parts.query, f"rid={uuid.uuid5(uuid.NAMESPACE_URL, parcel.message['run'])}")))
    body = str(parcel.message["body"]).encode("utf-8", "replace")
    url = urlunsplit((parts.scheme, parts.netloc, path, query, ""))
    post(url, body, {"content-type": "text/plain; charset=utf-8"}, parcel.channel.allow_hosts)
