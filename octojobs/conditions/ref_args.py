"""Arguments that several guards about refs share."""

from __future__ import annotations

from octojobs.conditions.base import Args, Moment, expect

LAST_SUCCESS = "last_success"


def is_ref(value: object) -> bool:
    """Whether an argument is HEAD or a full ref name; that git would take it, the loader has checked."""
    return isinstance(value, str) and (value == "HEAD" or value.startswith("refs/"))


def ref_problems(args: Args, *keys: str) -> list[str]:
    """What is wrong with those of the arguments that are to be refs."""
    return [f"{key}: a full ref name such as refs/heads/main, or HEAD" for key in keys if key in args and not is_ref(args[key])]


def since_problems(args: Args, *more: str) -> list[str]:
    """The check of a guard that compares `ref` with what it was `since` then; `more` are other arguments that must be there."""
    since = args.get("since", LAST_SUCCESS)
    wrong = [] if since == LAST_SUCCESS or is_ref(since) else [f"since: {LAST_SUCCESS}, or a full ref name"]
    return expect(args, ["ref", "since", *more]) + ref_problems(args, "ref") + wrong


def before(args: Args, moment: Moment) -> tuple[str, str]:
    """What to compare with: the name of a ref, or "" and the commit that the last successful run saw ("" for none)."""
    return (args["since"], "") if args["since"] != LAST_SUCCESS else ("", moment.seen.get(args["ref"], ""))
