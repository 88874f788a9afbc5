"""Channels and `notify`: what they mean, and what is refused."""

from __future__ import annotations

import pytest

from octojobs.config.proposal import what_runs
from octojobs.core.channel import Channel, Quiet
from octojobs.core.identity import JobId
from octojobs.core.job import Notify, TaskAction
from octojobs.embedded.job import Job
from tests.config.loading import job_with, load, problems

SETTINGS = """\
channels:
  ops: {file: told.jsonl}
  desk: {command: [tell, "1.10"]}
  team: {webhook: "https://example.org/x", secret: HOOK, allow_hosts: [intranet]}
  bot: {redis: "redis://localhost/0/notifications:{platform}"}
  kode-chat: {relay: "https://relay.example.org", secret: RELAY}
  mail: {apprise: "mailto://me:${MAIL_PASSWORD}@example.org"}
  sink: {apprise: "mailto://127.0.0.1:2525?from=a@example.org&to=b@example.org"}
  todo: {task: {title: "Look at ${job}", priority: P1}}
  screen: {desktop: true}
"""
NOT_SHOWN = "a user or a password stands in the address, which everybody may read; remove it, up to the @"
JOBS = "jobs: {it: {manual: true, command: make, notify: {channels: [%s]}}}\n"


def test_each_kind_of_channel_is_what_it_says() -> None:
    """By name, in file order."""
    definitions = load(JOBS % "ops", SETTINGS).definitions
    assert definitions is not None
    assert list(definitions.settings.channels.values()) == [
        Channel("ops", file="told.jsonl"),
        Channel("desk", command=("tell", "1.10")),
        Channel("team", webhook="https://example.org/x", secret="HOOK", allow_hosts=("intranet",)),
        Channel("bot", redis="redis://localhost/0/notifications:{platform}"),
        Channel("kode-chat", relay="https://relay.example.org", secret="RELAY"),
        Channel("mail", apprise="mailto://me:${MAIL_PASSWORD}@example.org"),
        Channel("sink", apprise="mailto://127.0.0.1:2525?from=a@example.org&to=b@example.org"),
        Channel("todo", task=TaskAction("Look at ${job}", priority="P1")),
        Channel("screen", desktop=True),
    ]


def test_who_allows_a_repository_reads_where_its_messages_go() -> None:
    """A channel executes a command, or sends something away."""
    definitions = load(JOBS % "ops", SETTINGS).definitions
    assert definitions is not None
    assert what_runs(definitions)[:9] == (
        "channel ops: append to told.jsonl",
        "channel desk: tell 1.10",
        "channel team: post to https://example.org/x",
        "channel bot: publish to redis://localhost/0/notifications:{platform}",
        "channel kode-chat: post to the relay https://relay.example.org",
        "channel mail: send by apprise to mailto://me:${MAIL_PASSWORD}@example.org",
        "channel sink: send by apprise to mailto://127.0.0.1:2525?from=a@example.org&to=b@example.org",
        "channel todo: enqueue a task: Look at ${job}",
        "channel screen: show on the desktop",
    )


def test_without_on_changes_are_told() -> None:
    """And successes are not."""
    assert job_with("notify: {channels: [ops]}", SETTINGS).notify == Notify(("failed", "recovered", "missed"), ("ops",))


def test_a_channel_that_nobody_declared_is_refused() -> None:
    """A message to it would reach nobody."""
    assert problems(JOBS % "opps", SETTINGS) == ['1:62: job "it": notify.channels: there is no channel "opps"; did you mean "ops"?']


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        (
            "{secret: A}",
            "channels.x: says nothing about where it leads; write one of KINDS",
        ),
        (
            "{file: a, command: [b]}",
            "channels.x: file and command are both given; write one of KINDS",
        ),
        ("{file: a, secret: B}", "channels.x.secret: belongs to a channel with `webhook:` or `relay:`; remove it"),
        (
            '{apprise: "mailto://me:hunter2@example.org"}',
            "channels.x.apprise: a password stands in the address; write ${NAME} for it, and NAME=… into secrets.env",
        ),
        (
            '{redis: "redis://:hunter2@localhost/0/news"}',
            "channels.x.redis: a password stands in the address; write ${NAME} for it, and NAME=… into secrets.env",
        ),
        *((f'{{{kind}: "https://me:hunter2@example.org/x"}}', f"channels.x.{kind}: {NOT_SHOWN}") for kind in ("webhook", "relay")),
        ('{webhook: "https://example.org/to ken"}', 'channels.x.webhook: " " stands in the address; write %20 for it'),
        ('{relay: "http://${TOKEN}@example.org"}', f"channels.x.relay: {NOT_SHOWN}"),
    ],
)
def test_a_channel_leads_to_one_place(channel: str, said: str) -> None:
    """What is given besides is told, with the remedy."""
    (problem,) = problems("jobs: {}\n", f"channels: {{x: {channel}}}\n")
    assert problem.endswith(f": {said}".replace("KINDS", "file, command, webhook, redis, relay, apprise, task and desktop"))


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ('"bot:telegram"', ""),
        ('"kode-chat:user-rpm32510"', ""),
        ('"ops:one"', ""),
        ("bot", 'to whom is not said, and its name has {platform}; write "bot:telegram", or what the platform is called'),
        ('"mail:me"', '"mail" is a channel of kind apprise, which goes to one place; write mail'),
        ('"opps:one"', 'there is no channel "opps"; did you mean "ops"?'),
    ],
)
def test_a_job_may_say_to_whom_where_the_channel_can_tell(named: str, said: str) -> None:
    """Behind the channel's name and a colon."""
    assert [problem.partition("notify.channels: ")[2] for problem in problems(JOBS % named, SETTINGS)] == ([said] if said else [])


def test_a_channel_has_hours_digests_and_words() -> None:
    """With any kind."""
    said = (
        '{file: a, quiet: {from: "22:00", to: "7:00", timezone: Europe/Berlin}, digest: 1h, template: {title: "${job}", body: "{title}"}}'
    )
    definitions = load("jobs: {}\n", f"channels: {{x: {said}}}\n").definitions
    assert definitions is not None
    quiet = Quiet(22 * 60, 7 * 60, "Europe/Berlin")
    assert definitions.settings.channels["x"] == Channel("x", file="a", quiet=quiet, digest_s=3600, title="${job}", body="{title}")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ('quiet: {from: "22:00", to: "22:00"}', "quiet: these hours begin when they end; remove it, or let them end at another time"),
        ('quiet: {from: "25:00", to: "22:00"}', 'quiet.from: "25:00" is no time of day; write HH:MM, 00:00 to 23:59'),
        (
            "digest: 1 hour",
            'digest: "1 hour" is not a duration; write seconds, or whole numbers with w, d, h, m, s in that order, such as 90, 2m or 1h30m',
        ),
    ],
)
def test_what_is_no_time_is_refused(given: str, said: str) -> None:
    """With the remedy."""
    (problem,) = problems("jobs: {}\n", f"channels: {{x: {{file: a, {given}}}}}\n")
    assert problem.endswith(f": channels.x.{said}")


def test_a_result_may_go_to_a_channel_that_nobody_declared() -> None:
    """A warning says where it is kept: the definitions are good."""
    loaded = load('jobs: {it: {manual: true, command: make, output: {channel: "kode-chat:ada"}}}\n')
    assert loaded.definitions is not None
    assert loaded.definitions.jobs[JobId("it")].output == "kode-chat:ada"
    (problem,) = loaded.problems
    assert problem.message == (
        'warning: job "it": output.channel: there is no channel "kode-chat": its messages are kept in the state folder, as '
        "outbox/kode-chat-ada.jsonl; declare it in .octopoid/octojobs.yaml"
    )


def test_a_result_goes_only_where_the_channel_can_send_it() -> None:
    """As a notice."""
    (problem,) = problems("jobs: {it: {manual: true, command: make, output: {channel: bot}}}\n", SETTINGS)
    assert 'output.channel: to whom is not said, and its name has {platform}; write "bot:telegram"' in problem


def test_a_program_that_embeds_octojobs_names_any_channel() -> None:
    """Its results are in the state folder, and in the log."""
    assert Job("it", command="make", schedule="@daily", output={"channel": "chat"}).definition.output == "chat"


def test_who_is_told_of_nothing_late_says_not_after_how_long() -> None:
    """It would mean nothing."""
    (problem,) = problems("jobs: {it: {manual: true, command: make, notify: {channels: [ops], after: 20m}}}\n", SETTINGS)
    assert problem.endswith("notify.after: says when a due run is late, and nobody is told of that; add blocked or overdue to `on`")


@pytest.mark.parametrize("ping", ['"https://me@example.org"', '{url: "https://me@example.org"}'])
def test_nobody_stands_in_the_address_of_a_ping(ping: str) -> None:
    """It would be in every list of what runs, and in no request."""
    (problem,) = problems(f"jobs: {{it: {{manual: true, command: make, ping: {ping}}}}}\n")
    assert problem.endswith(NOT_SHOWN)
