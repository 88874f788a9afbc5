"""A message is published on a Redis channel, to a real server; where nobody listens, nobody was told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from octojobs.core.channel import Channel
from octojobs.notify.failures import Refused, Unreachable
from octojobs.notify.redis import place
from tests.notify.world import HOSTILE, MESSAGE, redis_serving, sender

redis = pytest.importorskip("redis", reason="the extra `redis` is not installed")
pytestmark = pytest.mark.skipif(shutil.which("redis-server") is None, reason="there is no redis-server here")


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A server for one test."""
    with redis_serving(tmp_path) as listening:
        yield listening


def listening_to(port: int, channel: str) -> Any:
    """A client that has subscribed."""
    listener = redis.Redis(port=port).pubsub(ignore_subscribe_messages=True)
    listener.subscribe(channel)
    listener.get_message(timeout=5)
    return listener


def test_whoever_listens_to_the_platform_gets_the_message(tmp_path: Path, port: int) -> None:
    """`bot:telegram` goes to `notifications:telegram`, as JSON, and to no other channel."""
    listener, other = listening_to(port, "notifications:telegram"), listening_to(port, "notifications:discord")
    bot = Channel("bot", redis=f"redis://127.0.0.1:{port}/0/notifications:{{platform}}")
    sender(tmp_path).send(bot, "a", {**MESSAGE, "channel": "bot:telegram", "to": "telegram"}, 0)
    got = json.loads(listener.get_message(timeout=5)["data"])
    assert (got["id"], got["title"], got["to"]) == ("a", HOSTILE, "telegram")
    assert other.get_message(timeout=0) is None
    listener.close()
    other.close()


def test_where_nobody_listens_it_is_tried_again(tmp_path: Path, port: int) -> None:
    """A bot that is restarted loses nothing."""
    with pytest.raises(Unreachable, match="nobody listens to notifications:one"):
        sender(tmp_path).send(Channel("bot", redis=f"redis://127.0.0.1:{port}/notifications:{{platform}}"), "a", MESSAGE, 0)


def test_a_password_comes_from_the_environment_and_is_not_told(tmp_path: Path) -> None:
    """Whatever stands in it, it is a password; when it is wrong, the reason does not hold it."""
    with redis_serving(tmp_path, "--requirepass", "s3cret/@:") as port:
        bot = Channel("bot", redis=f"redis://:${{REDIS_PASSWORD}}@127.0.0.1:{port}/0/news")
        with pytest.raises(Unreachable, match="nobody listens to news"):
            sender(tmp_path, REDIS_PASSWORD="s3cret/@:").send(bot, "a", MESSAGE, 0)
        with pytest.raises(Unreachable, match="did not take it") as failure:
            sender(tmp_path, REDIS_PASSWORD="wrong-one").send(bot, "a", MESSAGE, 0)
        assert "wrong-one" not in str(failure.value)


def test_a_channel_that_is_a_secret_is_not_told(tmp_path: Path, port: int) -> None:
    """Alone, or with the whole address."""
    address = f"redis://127.0.0.1:{port}/0/news-s3cret"
    for written in ("${BOT}", f"redis://127.0.0.1:{port}/0/news-${{NAME}}"):
        with pytest.raises(Unreachable) as failure:
            sender(tmp_path, BOT=address, NAME="s3cret").send(Channel("bot", redis=written), "a", MESSAGE, 0)
        assert str(failure.value) == "nobody listens to its channel"


def test_a_server_that_is_away_is_tried_again(tmp_path: Path, port: int) -> None:
    """Another port of the same machine."""
    with pytest.raises(Unreachable, match=r"redis did not take it: .*127\.0\.0\.1"):
        sender(tmp_path).send(Channel("bot", redis="redis://127.0.0.1:1/0/news"), "a", MESSAGE, 0)


def test_to_whom_must_be_said_where_the_channel_asks(tmp_path: Path) -> None:
    """No message goes to a channel that nobody meant."""
    bot = Channel("bot", redis="redis://127.0.0.1:1/0/notifications:{platform}")
    with pytest.raises(Refused, match='write "bot:telegram"'):
        sender(tmp_path).send(bot, "a", {**MESSAGE, "to": ""}, 0)


@pytest.mark.parametrize("url", ["redis://", "redis://localhost", "redis://localhost/", "http://localhost/0/a"])
def test_an_address_without_server_or_channel_is_refused(url: str) -> None:
    """For good: it will not get better."""
    with pytest.raises(Refused, match="redis://HOST/DB/CHANNEL"):
        place(url)
