"""A Redis channel: the message is published as JSON, and whoever listens there takes it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from octojobs.core.channel import PLATFORM
from octojobs.notify.failures import Refused, Unreachable
from octojobs.notify.needs import missing
from octojobs.notify.parcel import TIMEOUT_S, Parcel
from octojobs.notify.urls import with_secrets, without


def send(parcel: Parcel) -> None:
    """Publish. Redis keeps nothing: where nobody listens, nobody was told, and that is Unreachable as is a server that is away."""
    url = with_secrets(parcel, parcel.channel.redis)
    server, base, channel = place(url)
    is_plain = parcel.channel.redis.endswith(channel)  # else a secret stands in it
    if PLATFORM in channel:
        if not parcel.message["to"]:
            raise Refused(f'to whom is not said: write "{parcel.channel.name}:telegram", or what the platform is called')
        channel = channel.replace(PLATFORM, parcel.message["to"])
    with _client(parcel, server, base) as client:
        try:
            listening = client.publish(channel, json.dumps(parcel.told))
        except _errors() as error:
            raise Unreachable(f"redis did not take it: {without(str(error), url, but=[urlsplit(url).hostname or ''])}") from None
    if not listening:
        raise Unreachable(f"nobody listens to {channel if is_plain else 'its channel'}")


def place(url: str) -> tuple[str, int, str]:
    """The server's address, the database's number (a name space has none for pub/sub, but a login may), the channel. Raises Refused.

    >>> place("redis://localhost:6379/2/notifications:{platform}")
    ('redis://localhost:6379', 2, 'notifications:{platform}')
    >>> place("redis://localhost/notifications:telegram")
    ('redis://localhost', 0, 'notifications:telegram')
    """
    scheme, separator, rest = url.partition("://")
    server, _, path = rest.partition("/")
    base, _, channel = path.partition("/")
    if not (base.isdigit() and channel):
        base, channel = "0", path
    if scheme not in ("redis", "rediss") or not separator or not server or not channel:
        raise Refused("a redis channel is redis://HOST/DB/CHANNEL, or rediss:// with TLS")
    return f"{scheme}://{server}", int(base), channel


def _client(parcel: Parcel, server: str, base: int) -> Any:
    try:
        from redis import Redis  # an extra: 80 ms, for these channels alone
        from redis.backoff import NoBackoff  # as above
        from redis.retry import Retry  # as above
    except ImportError:
        raise Refused(missing(parcel.channel)) from None
    try:
        return Redis.from_url(server, db=base, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 0))
    except ValueError:
        raise Refused("the address of the redis server is none") from None


def _errors() -> tuple[type[Exception], ...]:
    from redis.exceptions import RedisError  # as above

    return (RedisError, OSError)
