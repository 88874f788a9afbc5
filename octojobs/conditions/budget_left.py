"""`budget_left`: agents have used less than so many dollars or tokens, today or this month."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from octojobs.conditions.base import Args, ConditionType, Moment, expect, is_amount, is_count, unknown, verdict
from octojobs.core.budget import GUARD, PER, span
from octojobs.core.codec import format_instant
from octojobs.core.guards import Status, Verdict, overall
from octojobs.core.usage import Spent, is_untold, summed
from octojobs.facts.fact import FactKey

OF = ("job", "agent", "all")
_MOST_NAMED = 3


def check_args(args: Args) -> list[str]:
    """`usd` is an amount, `tokens` a whole number, one of them at least; `of` whose, `per` the span."""
    problems = expect(args, (), ("usd", "tokens", "of", "per"))
    if not args.keys() & {"usd", "tokens"}:
        problems.append("usd or tokens is missing")
    if "usd" in args and not is_amount(args["usd"]):
        problems.append("usd: an amount above 0, such as 5")
    if "tokens" in args and not is_count(args["tokens"], 1):
        problems.append("tokens: a whole number, 1 or more")
    problems += [f"{key}: one of {', '.join(known)}" for key, known in (("of", OF), ("per", PER)) if args.get(key, known[0]) not in known]
    return problems


def _key(args: Args, moment: Moment) -> FactKey:
    return FactKey("spent", (format_instant(_span(args, moment)[0]),))


def _span(args: Args, moment: Moment) -> tuple[datetime, datetime]:
    return span(args.get("per", PER[0]), moment.now, moment.timezone)


def judge(args: Args, spent: Sequence[Spent], moment: Moment) -> Verdict:
    """What is used up is a limit that has been reached. An attempt that succeeded and told no amount may have used any: unknown.

    One that did not succeed and told nothing counts for nothing, which is said.
    """
    of = args.get("of", "job")
    meant = [
        one
        for one in spent
        if of == "all" or (of == "job" and one.job == moment.job) or (of == "agent" and one.usage.agent == moment.agent)
    ]
    whose = {"job": f"{moment.job} has", "agent": f"agent {moment.agent} has", "all": "all agents have"}[of]
    begin, end = (moment.show(instant) for instant in _span(args, moment))
    verdicts = tuple(_of_one(name, args[name], meant, f"{whose} used", begin, end) for name in ("usd", "tokens") if name in args)
    worst = overall(verdicts)
    return verdict(True, "; ".join(one.evidence for one in verdicts)) if worst.status is Status.PASSED else worst


def _of_one(name: str, limit: float, meant: Sequence[Spent], whose: str, since: str, until: str) -> Verdict:
    total = summed(meant)
    used = (total.cost_usd or 0.0) if name == "usd" else float(total.tokens)
    words = f"{whose} {_shown(name, used)} of {_shown(name, limit)} {'USD' if name == 'usd' else 'tokens'} since {since}"
    if used >= limit:
        return verdict(False, f"{words}; it comes back at {until}")
    if silent := list(_silent(name, meant)):
        more = f" and {len(silent) - _MOST_NAMED} more" if len(silent) > _MOST_NAMED else ""
        return unknown(f"{words}; {', '.join(silent[:_MOST_NAMED])}{more} did not tell what it used")
    untold = sum(is_untold(one.usage) for one in meant)
    return verdict(True, words + (f"; {untold} that did not succeed told nothing" if untold else ""))


def _silent(name: str, meant: Iterable[Spent]) -> Iterable[str]:
    for one in meant:
        usage = one.usage
        told = usage.cost_usd is not None if name == "usd" else usage.input_tokens is not None or usage.output_tokens is not None
        if not told and (one.succeeded or not is_untold(usage)):
            yield f"{one.run} ({usage.agent})"


def _shown(name: str, amount: float) -> str:
    return f"{amount:.2f}" if name == "usd" else f"{amount:,.0f}"


BUDGET_LEFT = ConditionType(GUARD, "agents have used less than so many dollars or tokens", check_args, _key, judge)
