"""A relay, which formats the message for a chat, a mail or whatever the channel is there: `POST /v1/dispatch`."""

from __future__ import annotations

from typing import Any

from octojobs.notify.parcel import Parcel
from octojobs.notify.webhook import post

DISPATCH = "/v1/dispatch"


def send(parcel: Parcel) -> None:
    """Hand it over; the channel is the one that the job names, such as `kode-chat:user-1`. Raises Unreachable, Refused."""
    post(parcel, parcel.channel.relay.rstrip("/") + DISPATCH, dispatch(parcel))


def dispatch(parcel: Parcel) -> dict[str, Any]:
    """What is posted."""
    message = parcel.message
    job, title = message["job"], message["title"]
    if job and not parcel.channel.title:
        title = f"[{job}] {title.removeprefix(job).strip()}"
    return {"channel": message["channel"], "message": {"title": title, "body": parcel.text, "status": message["status"]}}
