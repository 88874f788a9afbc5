"""One message to one channel, whatever its kind: taken, refused for now, or refused for good."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from octojobs.core.definitions import Channel
from octojobs.core.environment import narrowed
from octojobs.notify.failures import Refused, Unreachable
from octojobs.process import run
from octojobs.runners.base import NotPreparable
from octojobs.runners.secret_values import secret_values
from octojobs.store.paths import FILE_MODE

COMMAND_S = 10.0


@dataclass(frozen=True, slots=True)
class Sender:
    """Delivers from one repository; `environ` is the daemon's."""

    root: Path
    environ: Mapping[str, str]

    def send(self, channel: Channel, name: str, message: Mapping[str, Any], timestamp: int) -> None:
        """Deliver within ten seconds or so; `name` is the message's id, `timestamp` seconds since 1970. Raises Unreachable, Refused."""
        if channel.file:
            self._append(channel.file, {"id": name, **message})
        elif channel.command:
            self._run(channel.command, name, message)
        else:
            from octojobs.notify.webhook import post  # http.client is 10 ms, for webhooks alone

            post(channel.webhook, self._secret(channel.secret), channel.allow_hosts, name, message, timestamp)

    def _append(self, file: str, message: Mapping[str, Any]) -> None:
        path = self.root / file
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
            with os.fdopen(descriptor, "ab") as opened:
                opened.write(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise Unreachable(f"{path} can't be written: {error.strerror}") from None

    def _run(self, argv: tuple[str, ...], name: str, message: Mapping[str, Any]) -> None:
        """The message is its standard input and its environment: data in both, never a part of the command."""
        told = {f"OCTOJOBS_{key.upper()}": str(message[key] if message[key] is not None else "") for key in message}
        env = {**narrowed(self.environ), **told, "OCTOJOBS_MESSAGE_ID": name}
        try:
            done = run(argv, timeout_s=COMMAND_S, cwd=self.root, env=env, input=json.dumps({"id": name, **message}).encode() + b"\n")
        except OSError as error:
            raise Unreachable(f"{argv[0]} can't be started: {error.strerror}") from None
        except ValueError as error:  # a NUL, which no argument can have
            raise Refused(f"{argv[0]} can't be started: {error}") from None
        if not done.ok:
            how = f"did not end within {COMMAND_S:g} s" if done.timed_out else f"exited with {done.exit_code}"
            raise Unreachable(f"{argv[0]} {how}")

    def _secret(self, name: str) -> str:
        if not name:
            return ""
        try:
            return secret_values([name], self.environ)[name]
        except NotPreparable as error:
            raise Refused(str(error)) from None
