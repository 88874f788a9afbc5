"""Words that the two guards about leases share."""

from __future__ import annotations

from octojobs.conditions.base import Moment, unknown, verdict
from octojobs.core.guards import Verdict
from octojobs.core.lease import Lease
from octojobs.facts.fact import one_line
from octojobs.facts.leases import Leases

MOST = 5  # leases named in one line of evidence; the rest are counted


def none_holds(leases: Leases, moment: Moment, free: str) -> Verdict:
    """Failed as soon as one holds, whatever else can't be read; unknown when one can't be read; else passed, with the words `free`."""
    if holding := leases.holding:
        more = [f"and {len(holding) - MOST} more"] if len(holding) > MOST else []
        return verdict(False, "; ".join([_in_words(lease, moment) for lease in holding[:MOST]] + more))
    if leases.unreadable:
        return unknown(f"can't tell who holds what: {'; '.join(leases.unreadable[:MOST])}")
    return verdict(True, free)


def _in_words(lease: Lease, moment: Moment) -> str:
    """One lease: `implementer-1 holds task 7e0e8c52, pid 48213, since 13:40, until 14:40`."""
    parts = [f"{one_line(lease.holder, 120)} holds {one_line(lease.what, 120) or 'a lease'}"]
    if lease.process is not None:
        parts.append(f"pid {lease.process.pid}")
    if lease.since is not None:
        parts.append(f"since {moment.show(lease.since)}")
    if lease.until is not None and lease.process is None:
        parts.append(f"until {moment.show(lease.until)}")
    return ", ".join(parts)
