"""An Apprise URL: a mail, a chat, a push message, and a hundred others, each by the one library that knows them all."""

from __future__ import annotations

import logging

from octojobs.core.task import line
from octojobs.notify.failures import Refused, Unreachable
from octojobs.notify.needs import missing
from octojobs.notify.parcel import Parcel
from octojobs.notify.urls import with_secrets, without

_TYPES = {"success": "success", "failed": "failure", "timeout": "warning"}


def send(parcel: Parcel) -> None:
    """Let Apprise deliver once: to try again is the outbox's. Raises Unreachable; Refused where Apprise can't read the address.

    An address is a secret as a whole: of what Apprise says, only what is no part of it is told.
    """
    try:
        from apprise import Apprise, AppriseAsset  # an extra: 0.3 s, for these channels alone
    except ImportError:
        raise Refused(missing(parcel.channel)) from None
    url = with_secrets(parcel, parcel.channel.apprise)
    quiet = logging.getLogger("apprise")
    if not quiet.handlers:  # else Python prints its warnings where nobody listens to logs; what it says comes with the result
        quiet.addHandler(logging.NullHandler())
    asset = AppriseAsset(
        app_id="octojobs",
        async_mode=False,
        storage_mode="memory",
        allow_templates=False,
        http_redirects=False,
        # With a limit Apprise uses threads of its own: six for all channels, which a few servers that hang use up, and for which
        # the end of the process waits for ever. Its services have limits for connecting and reading; whoever calls has one for all.
        service_timeout=0,
    )
    server = Apprise(asset=asset)
    if not server.add(url):
        raise Refused(f"apprise can't read the address of {parcel.channel.name}: `apprise --dry-run URL` says more")
    kind = _TYPES.get(parcel.message["status"], "info")
    with server.notify(
        body=parcel.text or parcel.message["title"],
        title=line(parcel.message["title"]),
        notify_type=kind,
        body_format="text",
        interpret_escapes=False,
        log_level=logging.WARNING,
    ) as result:
        if not result:
            said = "; ".join(entry.message for entry in result.logs()) or result.status.name.lower()
            raise Unreachable(f"{', '.join(one.name for one in result) or 'apprise'} did not take it: {line(without(said, url))}")
