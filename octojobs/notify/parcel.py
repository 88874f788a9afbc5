"""A message on its way: what goes where, and all that a channel needs to take it there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from octojobs.core.channel import Channel
from octojobs.core.definitions import Settings
from octojobs.notify.failures import Refused
from octojobs.runners.base import NotPreparable
from octojobs.runners.secret_values import secret_values
from octojobs.slotted import dataclass
from octojobs.store.paths import StatePaths

TIMEOUT_S = 10.0
"""How long a delivery may take, more or less: others wait for the channel's next message."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """`id` is the message's, the same at every try; `timestamp` is that of this try, in seconds since 1970; `pins` are the definitions'."""

    channel: Channel
    id: str
    message: Mapping[str, Any]
    timestamp: int
    root: Path
    environ: Mapping[str, str]
    paths: StatePaths
    settings: Settings
    pins: Mapping[str, str] = field(default_factory=dict)

    @property
    def told(self) -> dict[str, Any]:
        """The message with its id: what programs get."""
        return {"id": self.id, **self.message}

    @property
    def text(self) -> str:
        """What people get below the title: the body, and where all of it is, which a channel's own words say where they want it."""
        if self.channel.body:
            return str(self.message["body"])
        return "\n\n".join(filter(None, (self.message["body"], self.message["link"])))

    @property
    def now(self) -> datetime:
        """The instant of this try."""
        return datetime.fromtimestamp(self.timestamp, UTC)

    def secrets(self, names: tuple[str, ...]) -> dict[str, str]:
        """The values of the named secrets. Raises Refused, naming those that are missing."""
        try:
            return secret_values(names, self.environ)
        except NotPreparable as error:
            raise Refused(str(error)) from None
