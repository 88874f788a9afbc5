"""Starts `gh`, GitHub's own command line, for one answer in JSON; whatever it says instead is a reason in words.

It runs outside the repository and is told by name which one is meant, so that it asks no git there: the repository's
configuration has no say. The token is the user's, from `gh auth login` or the variables below; one for another host than
github.com is passed on only where `GH_HOST` says that it is meant for that: an address in a repository's configuration must not
be able to ask for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from octojobs.core.environment import narrowed
from octojobs.facts.fact import Unreadable, one_line, reason_of
from octojobs.process import Completed, run

TIMEOUT_S = 20.0
"""A guard is asked again every 30 s while a run waits."""

MAX_OUTPUT = 4_000_000
NEEDS_LOGIN = 4  # gh help exit-codes

_PASSED_ON = (
    *("GH_TOKEN", "GITHUB_TOKEN", "GH_HOST", "GH_CONFIG_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "DBUS_SESSION_BUS_ADDRESS"),
    *("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"),
)
_FOR_OTHER_HOSTS = ("GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")
_PLAIN = {"GH_PROMPT_DISABLED": "1", "GH_NO_UPDATE_NOTIFIER": "1", "NO_COLOR": "1", "GH_PAGER": "cat"}

_RATE_LIMITED = re.compile(r"rate limit|HTTP 429|submitted too quickly", re.IGNORECASE)
_LOGGED_OUT = re.compile(r"gh auth login|HTTP 401|Bad credentials", re.IGNORECASE)
_NOT_FOUND = re.compile(r"HTTP 404|Could not resolve to a Repository", re.IGNORECASE)
_NO_COMMIT = re.compile(r"No commit found", re.IGNORECASE)
_NO_NETWORK = re.compile(r"error connecting to|dial tcp|no such host|TLS handshake", re.IGNORECASE)


class RateLimited(Unreadable):
    """GitHub wants to be left alone for a while."""


class Unavailable(Unreadable):
    """No question would be answered now, whatever it is: gh is missing, logged out, offline, or hangs."""


def ask(arguments: Sequence[str], host: str, environ: Mapping[str, str]) -> Any:
    """The JSON that `gh` with these arguments prints. Raises Unreadable with the reason: RateLimited or Unavailable where that is it."""
    try:
        done = run(["gh", *arguments], cwd=Path("/"), env=_environment(host, environ), timeout_s=TIMEOUT_S, max_output=MAX_OUTPUT)
    except FileNotFoundError:
        raise Unavailable("gh is not installed, or not on PATH") from None
    except OSError as error:
        raise Unavailable(f"gh can't be started: {reason_of(error)}") from None
    if done.timed_out:
        raise Unavailable(f"gh did not answer within {TIMEOUT_S:g} s")
    if not done.ok:
        raise _refusal(done, host)
    try:
        return json.loads(done.stdout)
    except (ValueError, RecursionError):
        raise Unreadable("gh printed no JSON" + (" that is complete" if len(done.stdout) >= MAX_OUTPUT else "")) from None


def _environment(host: str, environ: Mapping[str, str]) -> dict[str, str]:
    names = _PASSED_ON + (_FOR_OTHER_HOSTS if environ.get("GH_HOST") == host else ())
    return {**narrowed(environ), **{name: environ[name] for name in names if name in environ}, **_PLAIN}


def _refusal(done: Completed, host: str) -> Unreadable:
    """What gh said on its error stream, as a reason; its words are the remedy of last resort."""
    said = one_line(done.stderr.decode("utf-8", "replace")) or f"exit {done.exit_code}"
    if _RATE_LIMITED.search(said):
        return RateLimited("GitHub's rate limit is used up")
    if done.exit_code == NEEDS_LOGIN or _LOGGED_OUT.search(said):
        return Unavailable(f"gh is not logged in to {host}: `gh auth login --hostname {host}`")
    if _NO_COMMIT.search(said):
        return Unreadable("GitHub does not know that commit: was it pushed?")
    if _NOT_FOUND.search(said):
        return Unreadable("GitHub knows no such repository or ref, or does not show it to you")
    if _NO_NETWORK.search(said):
        return Unavailable(f"gh can't connect to {host}")
    return Unreadable(f"gh failed: {said}")
