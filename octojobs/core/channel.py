"""A channel as it is declared: where messages go, and what is said of it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from octojobs.core.job import TaskAction
from octojobs.slotted import dataclass

KINDS = ("file", "command", "webhook", "redis", "relay", "apprise", "task", "desktop")
"""What a channel can be; each is a key of its own in the settings."""
ADDRESSED = frozenset({"file", "command", "webhook", "redis", "relay"})
"""The kinds that tell apart to whom a message goes: `NAME:TO`."""
PLATFORM = "{platform}"
"""In the name of a Redis channel: to whom the message goes."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours in which nobody is told: minutes of the day on the zone's wall clock; they may cross midnight."""

    start: int
    end: int
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Channel:
    """Where messages go: exactly one of the kinds.

    `file` is appended to, `command` started without a shell, `webhook` and `relay` are addresses that are posted to, `redis` is
    `redis://HOST/DB/CHANNEL`, `apprise` an Apprise URL; in these two `${NAME}` stands for a secret. `task` is the task that a
    message becomes. `secret` names the secret that a POST is signed with; `allow_hosts` are hosts that it may reach at addresses
    that are not public. What comes in the hours that are `quiet`, and within `digest_s` seconds, is sent as one message. `title` and
    `body` are templates of both, "" for those of the message.
    """

    name: str
    file: str = ""
    command: tuple[str, ...] = ()
    webhook: str = ""
    redis: str = ""
    relay: str = ""
    apprise: str = ""
    task: TaskAction | None = None
    desktop: bool = False
    secret: str = ""
    allow_hosts: tuple[str, ...] = ()
    quiet: Quiet | None = None
    digest_s: int = 0
    title: str = ""
    body: str = ""
    ping: str = ""

    @property
    def kind(self) -> str:
        """Which of KINDS it is; `ping` for where the pings of one job go, which nobody declares as a channel."""
        return "ping" if self.ping else next(kind for kind in KINDS if getattr(self, kind))


def find(channels: Mapping[str, Channel], written: str) -> tuple[Channel | None, str]:
    """The channel that a job means, None where there is none, and to whom it goes there, "" where that is not said.

    >>> bot = Channel("bot", redis="redis://localhost/notifications:{platform}")
    >>> find({"bot": bot}, "bot:telegram")[1], find({"bot": bot}, "bot")[1], find({}, "bot")
    ('telegram', '', (None, ''))
    """
    name, _, to = written.partition(":")
    return channels.get(name), to


def kept_in(written: str) -> str:
    """The file, in the state folder, of what goes to a channel that nobody declared.

    >>> kept_in("kode-chat:user-1"), kept_in("../x")
    ('outbox/kode-chat-user-1.jsonl', 'outbox/---x.jsonl')
    """
    return f"outbox/{re.sub(r'[^A-Za-z0-9_-]', '-', written)[:100]}.jsonl"
