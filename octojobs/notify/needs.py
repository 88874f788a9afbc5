"""What a channel needs that may not be there: a library, secrets."""

from __future__ import annotations

import re

from octojobs.core.channel import Channel

SECRET = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
"""Where a secret stands in an address."""
_LIBRARIES = {"redis": ("redis", "redis"), "apprise": ("apprise", "notify")}


def library_of(channel: Channel) -> tuple[str, str]:
    """The module and the extra of octojobs that brings it, "" for none."""
    return _LIBRARIES.get(channel.kind, ("", ""))


def missing(channel: Channel) -> str:
    """What to say where that is not installed."""
    module, extra = library_of(channel)
    return f"{module} is not installed: pip install 'octojobs[{extra}]'"


def secrets_of(channel: Channel) -> tuple[str, ...]:
    """The names of the secrets, each once."""
    return tuple(
        dict.fromkeys([*filter(None, [channel.secret]), *SECRET.findall(channel.redis + channel.apprise + channel.webhook + channel.relay)])
    )
