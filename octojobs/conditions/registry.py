"""Every guard by its name."""

from __future__ import annotations

from octojobs.conditions.agent_slots_free import AGENT_SLOTS_FREE
from octojobs.conditions.agent_worktrees import AGENT_WORKTREES
from octojobs.conditions.agents_quiescent import AGENTS_QUIESCENT
from octojobs.conditions.base import ConditionType
from octojobs.conditions.behind_upstream import BEHIND_UPSTREAM
from octojobs.conditions.between import BETWEEN
from octojobs.conditions.branch_merged import BRANCH_MERGED
from octojobs.conditions.budget_left import BUDGET_LEFT
from octojobs.conditions.ci_green import CI_GREEN
from octojobs.conditions.command import COMMAND
from octojobs.conditions.declared import condition_type, registered_type
from octojobs.conditions.disk_free import DISK_FREE
from octojobs.conditions.file_exists import FILE_EXISTS
from octojobs.conditions.has_open_prs import HAS_OPEN_PRS
from octojobs.conditions.has_stale_prs import HAS_STALE_PRS
from octojobs.conditions.lease_free import LEASE_FREE
from octojobs.conditions.load_below import LOAD_BELOW
from octojobs.conditions.network import NETWORK
from octojobs.conditions.no_active_leases import NO_ACTIVE_LEASES
from octojobs.conditions.no_agents_running import NO_AGENTS_RUNNING
from octojobs.conditions.no_worktree_ahead import NO_WORKTREE_AHEAD
from octojobs.conditions.not_paused import NOT_PAUSED
from octojobs.conditions.on_ac_power import ON_AC_POWER
from octojobs.conditions.on_branch import ON_BRANCH
from octojobs.conditions.paths_changed import PATHS_CHANGED
from octojobs.conditions.queue_below import QUEUE_BELOW
from octojobs.conditions.queue_not_empty import QUEUE_NOT_EMPTY
from octojobs.conditions.quiet_for import QUIET_FOR
from octojobs.conditions.ref_changed import REF_CHANGED
from octojobs.conditions.ref_exists import REF_EXISTS
from octojobs.conditions.worktree_clean import WORKTREE_CLEAN
from octojobs.conditions.worktrees_idle import WORKTREES_IDLE
from octojobs.core.definitions import Settings

_BUILT_IN = {
    kind.name: kind
    for kind in (
        AGENTS_QUIESCENT,
        AGENT_SLOTS_FREE,
        AGENT_WORKTREES,
        BEHIND_UPSTREAM,
        BETWEEN,
        BRANCH_MERGED,
        BUDGET_LEFT,
        CI_GREEN,
        COMMAND,
        DISK_FREE,
        FILE_EXISTS,
        HAS_OPEN_PRS,
        HAS_STALE_PRS,
        LEASE_FREE,
        LOAD_BELOW,
        NETWORK,
        NOT_PAUSED,
        NO_ACTIVE_LEASES,
        NO_AGENTS_RUNNING,
        NO_WORKTREE_AHEAD,
        ON_AC_POWER,
        ON_BRANCH,
        PATHS_CHANGED,
        QUEUE_BELOW,
        QUEUE_NOT_EMPTY,
        QUIET_FOR,
        REF_CHANGED,
        REF_EXISTS,
        WORKTREES_IDLE,
        WORKTREE_CLEAN,
    )
}


def names() -> tuple[str, ...]:
    """The names of the guards that are built in, sorted."""
    return tuple(sorted(_BUILT_IN))


def get(name: str, settings: Settings | None = None) -> ConditionType | None:
    """The guard of that name: built in, else declared in the settings, else one that their modules may register; None for none."""
    if name in _BUILT_IN:
        return _BUILT_IN[name]
    if settings is None:
        return None
    if (declared := settings.conditions.get(name)) is not None:
        return condition_type(declared)
    return registered_type(name) if settings.modules else None
