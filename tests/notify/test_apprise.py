"""Apprise delivers to a real mail server; what goes wrong is told without the address, which is a secret."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from octojobs.core.channel import Channel
from octojobs.notify.failures import Refused, Unreachable
from tests.notify.world import MESSAGE, Sink, mail_serving, sender

pytest.importorskip("apprise", reason="the extra `notify` is not installed")
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # what apprise imports
pytest.importorskip("aiosmtpd", reason="aiosmtpd is not installed")


@pytest.fixture
def smtp() -> Iterator[tuple[Sink, int]]:
    """A mail server for one test, and its port."""
    with mail_serving() as listening:
        yield listening


def mailto(port: int) -> str:
    """The address of a mailbox on that server."""
    return f"mailto://127.0.0.1:{port}?from=octojobs@example.org&to=${{MAILBOX}}&mode=insecure"


def test_a_message_becomes_a_mail(tmp_path: Path, smtp: tuple[Sink, int]) -> None:
    """The title is its subject on one line, the text ends with the log; the mailbox comes from the environment."""
    sink, port = smtp
    message = {**MESSAGE, "title": "nightly failed\nBcc: evil@example.org", "body": "exit code 3\n<b>${HOME}</b> {{ x }}"}
    sender(tmp_path, MAILBOX="ops@example.org").send(Channel("mail", apprise=mailto(port)), "a", message, 0)
    (mail,) = sink.mails
    assert sink.to == [["ops@example.org"]]
    assert (mail["subject"], mail["bcc"]) == ("nightly failed Bcc: evil@example.org", None)
    text = mail.get_body(("plain",))
    assert text is not None
    assert text.get_content().split() == ["exit", "code", "3", "<b>${HOME}</b>", "{{", "x", "}}", "/runs/1/output.log"]


def test_what_a_server_refuses_is_told_without_the_address(
    tmp_path: Path, smtp: tuple[Sink, int], capfd: pytest.CaptureFixture[str]
) -> None:
    """It is tried again, once a try: trying is the outbox's. What the library says of the address is starred, and printed nowhere."""
    sink, port = smtp
    sink.answer = "554 ops-box is over its quota"
    with pytest.raises(Unreachable, match=r"^E-Mail did not take it: .*\*\*\*") as failure:
        sender(tmp_path, MAILBOX="ops-box@example.org").send(Channel("mail", apprise=mailto(port)), "a", MESSAGE, 0)
    assert len(sink.mails) == 1
    assert "ops-box" not in str(failure.value)
    assert capfd.readouterr().err == ""


def test_an_address_that_is_a_secret_as_a_whole_is_used_as_it_is(tmp_path: Path, smtp: tuple[Sink, int]) -> None:
    """From the user's own file of secrets."""
    sink, port = smtp
    secrets = tmp_path / ".config/octojobs/secrets.env"
    secrets.parent.mkdir(parents=True)
    secrets.write_text(f"MAIL={mailto(port).replace('${MAILBOX}', 'me@example.org')}\n")
    secrets.chmod(0o600)
    sender(tmp_path).send(Channel("mail", apprise="${MAIL}"), "a", MESSAGE, 0)
    assert sink.to == [["me@example.org"]]


def test_an_address_that_apprise_cannot_read_is_refused_and_not_shown(tmp_path: Path) -> None:
    """It may hold a token all the same."""
    with pytest.raises(Refused, match="apprise can't read the address of chat") as failure:
        sender(tmp_path, TOKEN="t0ken-of-mine").send(Channel("chat", apprise="nosuch://${TOKEN}/x"), "a", MESSAGE, 0)
    assert "t0ken" not in str(failure.value)


def test_a_secret_that_is_missing_is_named(tmp_path: Path) -> None:
    """And nothing is sent."""
    with pytest.raises(Refused, match="secret TOKEN is neither"):
        sender(tmp_path).send(Channel("chat", apprise="json://${TOKEN}/x"), "a", MESSAGE, 0)


def test_a_server_that_never_comes_to_an_end_has_no_thread_that_the_process_waits_for(tmp_path: Path) -> None:
    """A daemon could not end any more, and six of them would be all that Apprise has for every channel."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        delivery = threading.Thread(target=_deliver, args=(tmp_path, server.getsockname()[1]), daemon=True)
        delivery.start()
        server.settimeout(30)
        asks, _ = server.accept()
        with asks:
            asks.sendall(b"2")  # the begin of an answer, for as long as the server likes
            assert not any(thread.name.startswith("ThreadPoolExecutor") for thread in threading.enumerate())
    delivery.join(30)
    assert not delivery.is_alive()


def _deliver(root: Path, port: int) -> None:
    with suppress(Unreachable):
        sender(root, MAILBOX="me@example.org").send(Channel("mail", apprise=mailto(port)), "a", MESSAGE, 0)
