"""A task that the message becomes, once, however often it is delivered."""

from __future__ import annotations

from dataclasses import replace

from octojobs.core.job import TaskAction
from octojobs.core.placeholders import fill_in
from octojobs.core.task import Draft, TaskPriority
from octojobs.errors import OctojobsError, UsageError
from octojobs.flows.creating import enqueue
from octojobs.flows.forms import Form
from octojobs.flows.queue import Place, opened
from octojobs.notify.failures import Refused, Unreachable
from octojobs.notify.message import values_of
from octojobs.notify.parcel import Parcel
from octojobs.store.activity import touch_activity

WAIT_S = 10.0


def send(parcel: Parcel) -> None:
    """Enqueue it. Raises Unreachable where there are too many tasks, or the disk refuses; Refused for what is no task.

    Its key is the id of the message: delivered again, the task is there already, in whatever state.
    """
    assert parcel.channel.task is not None
    settings = parcel.settings
    place = Place(parcel.root, parcel.paths, settings.tasks, Form(settings.task_format))
    try:
        with opened(place, parcel.now, wait_s=WAIT_S) as queue:
            enqueued = enqueue(queue, _draft(parcel, parcel.channel.task))
    except UsageError as error:
        raise Refused(str(error)) from None
    except OctojobsError as error:
        raise Unreachable(str(error)) from None
    if enqueued.is_new:
        touch_activity(parcel.paths, parcel.now)


def _draft(parcel: Parcel, template: TaskAction) -> Draft:
    values = values_of(parcel.message)
    draft = Draft(
        title=fill_in(template.title, values),
        body=fill_in(template.body, values) if template.body else _quoted(parcel),
        role=template.role or "implement",
        priority=TaskPriority.of(template.priority or "P2"),
        dedupe=fill_in(template.dedupe, values),
        proposed=template.proposed,
    )
    return replace(draft, created_by=f"octojobs/{parcel.message['job']}", run=parcel.message["run"], key=parcel.id)


def _quoted(parcel: Parcel) -> str:
    """Indented: to Markdown it is a text to be shown, whatever it says."""
    told = [f"Run: {parcel.message['run']}", f"Log: {parcel.message['link']}"]
    return "\n".join([*told, "", *(f"    {one}" for one in parcel.message["body"].split("\n"))])
