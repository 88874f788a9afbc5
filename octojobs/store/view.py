"""The state as others see it: read without the lock while its owner writes, changing nothing."""

from __future__ import annotations

from octojobs.core.ledger import Ledger
from octojobs.errors import StateDamaged
from octojobs.slotted import dataclass
from octojobs.store import recovery
from octojobs.store.history import days, rows_in
from octojobs.store.paths import StatePaths

TRIES = 8
"""The owner cuts the journal at most every few seconds: two looks in a row that fall into a cut are rare, eight are damage."""


@dataclass(frozen=True, slots=True)
class View:
    """The ledger after batch `seq`. `notes` say what is damaged and what of it could be read; empty when all is well."""

    ledger: Ledger
    seq: int
    notes: tuple[str, ...] = ()


def view(paths: StatePaths) -> View:
    """The state as of now: a snapshot and the records after it that belong together.

    Where there is no state yet it is empty. Raises StateDamaged when nothing can be read, NewerFormat, and OSError.
    """
    loaded, trouble = None, None
    for _ in range(TRIES):
        # Between reading the one file and the other the owner may have replaced both: that looks like damage, once.
        try:
            loaded = recovery.load(paths)
        except StateDamaged as damage:
            trouble = damage
            continue
        if not loaded.notes:
            break
    if loaded is None:
        raise trouble or StateDamaged(f"the state in {paths.root} can't be read")
    return View(loaded.ledger, loaded.seq, loaded.notes)


def read_state(paths: StatePaths) -> Ledger:
    """The ledger of `view`, for those who leave the damage to `doctor`."""
    return view(paths).ledger


def damage(paths: StatePaths) -> tuple[str, ...]:
    """What is or was damaged here, in words, for `doctor`; reads everything, changes nothing. Raises OSError."""
    try:
        found = [*view(paths).notes]
    except StateDamaged as error:
        found = [str(error)]
    for path in days(paths.history):
        bad = sum(row is None for _, _, row in rows_in(path))
        if bad:
            found.append(f"history/{path.name}: {bad} line{'s' * (bad > 1)} not as written")
    aside = sorted(path.name for path in paths.root.glob("quarantine-*"))
    if aside:
        found.append(f"set aside after damage: {', '.join(aside)}; look at what `octojobs status` shows, then remove them")
    return tuple(found)
