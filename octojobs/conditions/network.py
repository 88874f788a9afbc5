"""`network`: there is a route to the internet, or a host accepts connections."""

from __future__ import annotations

from octojobs.conditions.base import Args, ConditionType, Moment, expect, verdict
from octojobs.core.guards import Verdict
from octojobs.facts.fact import FactKey
from octojobs.facts.machine import Told

HIGHEST_PORT = 65535


def check_args(args: Args) -> list[str]:
    """Nothing, or `host` and `port`."""
    if not args:
        return []
    problems = expect(args, ["host", "port"])
    if not isinstance(args.get("host", "a"), str) or not args.get("host", "a"):
        problems.append("host: a name or an address")
    port = args.get("port", 1)
    if type(port) is not int or not 1 <= port <= HIGHEST_PORT:
        problems.append(f"port: a whole number, 1 to {HIGHEST_PORT}")
    return problems


def judge(_: Args, found: Told, __: Moment) -> Verdict:
    """No connection is an answer, not an unknown one: that is what was asked."""
    return verdict(found.holds, found.words)


def _key(args: Args, _: Moment) -> FactKey:
    return FactKey("reach", (args["host"], str(args["port"]))) if args else FactKey("route")


NETWORK = ConditionType("network", "there is a network", check_args, _key, judge)
