"""A command that is given the message, as its standard input and in its environment: data in both, never a part of the command."""

from __future__ import annotations

import json

from octojobs.config.pins import objections
from octojobs.core.environment import narrowed
from octojobs.core.named_files import spelled_by
from octojobs.notify.failures import Refused, Unreachable
from octojobs.notify.parcel import TIMEOUT_S, Parcel
from octojobs.process import run


def send(parcel: Parcel) -> None:
    """Run it in the repository.

    Raises Unreachable for what may pass, a script that nobody has approved among it, Refused for what no system has a form for.
    """
    argv = parcel.channel.command
    if parcel.pins and (why := "; ".join(objections(parcel.root, parcel.pins, spelled_by(argv, str(parcel.root))))):
        raise Unreachable(why)
    told = {f"OCTOJOBS_{key.upper()}": str(value if value is not None else "") for key, value in parcel.message.items()}
    env = {**narrowed(parcel.environ), **told, "OCTOJOBS_MESSAGE_ID": parcel.id}
    try:
        done = run(argv, timeout_s=TIMEOUT_S, cwd=parcel.root, env=env, input=json.dumps(parcel.told).encode() + b"\n")
    except OSError as error:
        raise Unreachable(f"{argv[0]} can't be started: {error.strerror}") from None
    except ValueError as error:  # a NUL, which no argument can have
        raise Refused(f"{argv[0]} can't be started: {error}") from None
    if not done.ok:
        how = f"did not end within {TIMEOUT_S:g} s" if done.timed_out else f"exited with {done.exit_code}"
        raise Unreachable(f"{argv[0]} {how}")
