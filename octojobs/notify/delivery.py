"""One message to one channel, whatever its kind: taken, refused for now, or refused for good."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from octojobs.core.channel import Channel
from octojobs.core.definitions import Definitions
from octojobs.core.placeholders import fill_in
from octojobs.notify.failures import Refused
from octojobs.notify.message import values_of
from octojobs.notify.parcel import Parcel
from octojobs.slotted import dataclass
from octojobs.store.paths import StatePaths

_NO_DEFINITIONS = Definitions({})


@dataclass(frozen=True, slots=True)
class Sender:
    """Delivers from one repository; `environ` is the daemon's."""

    root: Path
    environ: Mapping[str, str]
    paths: StatePaths

    def send(
        self, channel: Channel, name: str, message: Mapping[str, Any], timestamp: int, definitions: Definitions = _NO_DEFINITIONS
    ) -> None:
        """Deliver within ten seconds or so; `name` is the message's id, `timestamp` seconds since 1970. Raises Unreachable, Refused.

        `definitions` are those in force: they say where tasks lie, and which scripts are approved.
        """
        send = _sender(channel.kind)
        settings, pins = definitions.settings, definitions.pins
        send(Parcel(channel, name, worded(channel, message), timestamp, self.root, self.environ, self.paths, settings, pins))


def worded(channel: Channel, message: Mapping[str, Any]) -> Mapping[str, Any]:
    """The message in the channel's own words; what its values say is no template."""
    values = values_of(message)
    own = {key: fill_in(template, values) for key, template in (("title", channel.title), ("body", channel.body)) if template}
    return {**message, **own} if own else message


def _sender(kind: str) -> Callable[[Parcel], None]:
    """What delivers to channels of a kind; each is imported when it is first needed, and an optional library with it."""
    match kind:
        case "file":
            from octojobs.notify.file import send  # as all here: for channels of this kind alone
        case "command":
            from octojobs.notify.command import send  # as above
        case "webhook":
            from octojobs.notify.webhook import send  # http.client is 10 ms
        case "relay":
            from octojobs.notify.relay import send  # as above
        case "redis":
            from octojobs.notify.redis import send  # an extra
        case "apprise":
            from octojobs.notify.apprise import send  # an extra
        case "task":
            from octojobs.notify.task import send  # the tasks' record is 20 ms
        case "desktop":
            from octojobs.notify.desktop import send  # as above
        case "ping":
            from octojobs.notify.ping import send  # http.client, too
        case _:
            raise Refused(f"there is no kind of channel {kind}")
    return send
