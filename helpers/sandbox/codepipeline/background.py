"""What CodePipeline does on its own: look for changes where a source polls, and recover after a stop."""

from __future__ import annotations

from ..world import World
from .engine import settle, start
from .sources import current_revision, polls
from .store import Declaration, Pipeline, service
from .structure import is_approval
from .work import role_of

POLL_SECONDS = 2.0  # AWS asks about once a minute
INTERRUPTED = (
    "The sandbox was stopped while this action was at work. Retry the stage, or release the change again."
)


@service.on_start
def recover(world: World) -> None:
    """End what was at work when the sandbox stopped, let the rest go on, and begin to poll.

    An approval that waits for an answer goes on waiting: nothing of it was lost.
    """
    for store in world.stores("codepipeline").values():
        for pipeline in list(store.pipelines.values()):
            for execution in pipeline.executions:
                for stage in execution.stages.values() if execution.active else ():
                    for run in stage.current.values():
                        if run.status == "InProgress" and not is_approval(run.action):
                            run.end("Failed", "SystemUnavailable", INTERRUPTED)
                            execution.summary = INTERRUPTED
            settle(world, pipeline)
    world.spawn("codepipeline: poll", poll, world)


def poll(world: World) -> None:
    """Ask again and again whether a source that polls has changed."""
    while not world.stopping.wait(POLL_SECONDS):
        for store in list(world.stores("codepipeline").values()):
            for pipeline in list(store.pipelines.values()):
                for action in pipeline.declaration["stages"][0]["actions"]:
                    if polls(action):
                        look(world, pipeline, action)


def look(world: World, pipeline: Pipeline, action: Declaration) -> None:
    """Start an execution if the source holds another revision than the last that is known."""
    revision = current_revision(role_of(world, pipeline, pipeline.version), action)
    with world.lock:
        fetching = any(one.active and one.position == 0 for one in pipeline.executions)
        if revision is None or fetching or pipeline.seen.get(action["name"]) == revision:
            return
        pipeline.seen[action["name"]] = revision
    start(world, pipeline, ("PollForSourceChanges", action["name"]))
