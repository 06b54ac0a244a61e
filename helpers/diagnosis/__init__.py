"""Why something went wrong: what happened, its cause, and the evidence, or that the cause is not known.

One file for each subject (`stack`, `pipeline`, `task`, `schedule`), each with its list of small checks. They
read what AWS keeps anyway (events, states, logs, metrics, dead letters, policies) and change nothing.
"""

from __future__ import annotations

from .. import builds, pipelines, stacks, tasks
from ..errors import NameUnknown
from ..session import Session, verb
from . import pipeline, schedule, stack, task
from .nouns import UNKNOWN, Diagnosis, Finding, healthy

__all__ = ["UNKNOWN", "Diagnosis", "Finding", "why"]


@verb
def why(
    session: Session,
    thing: stacks.Stack | tasks.Task | pipelines.PipelineExecution | builds.Build | str | None = None,
) -> Diagnosis:
    """What went wrong with a stack, a task, a pipeline execution, a build or the schedule, with the evidence.

    A stack may be given by its name. "pipeline" is its stack and, when that stands, the latest execution, as
    is nothing at all; "schedule" (or the rule's name) is its stack, then whether it fires and what it starts.
    Where the cause is not known, the diagnosis says so; where nothing is wrong, too.
    """
    if isinstance(thing, tasks.Task):
        return task.of_task(session, thing)
    if isinstance(thing, builds.Build):
        return pipeline.of_build(session, thing)
    if isinstance(thing, pipelines.PipelineExecution):
        return pipeline.of_execution(session, thing)
    if thing is None:
        return _pipeline(session)
    if isinstance(thing, (str, stacks.Stack)):
        if thing == f"{session.project}-daily":
            return schedule.of_schedule(session)
        found = stack.of_stack(session, stacks.full_name(session, thing))
        if not found.healthy or not isinstance(thing, str):
            return found
        short = thing.removeprefix(f"{session.project}-")
        followed = {"pipeline": _pipeline, "schedule": schedule.of_schedule}.get(short)
        return followed(session) if followed else found
    raise NameUnknown(
        f"why cannot look into {type(thing).__name__}.",
        "Give it what deploy, run_task, follow_pipeline or start_build returned, or a stack's name.",
    )


def _pipeline(session: Session) -> Diagnosis:
    latest = pipeline.newest(session)
    if latest is None:
        return healthy("The pipeline", "nothing is wrong, it has not run yet")
    return pipeline.of_execution(session, latest)
