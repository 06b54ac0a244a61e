"""The exercises of 00: something that is the project's, the two ends of the course, and what a push does."""

from __future__ import annotations

from collections.abc import Iterator

from .. import stacks
from ..session import Session
from .nouns import Finding, Question, Task

DONE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")


def _a_stack_of_your_own(session: Session) -> Iterator[Finding]:
    name = session.stack_name("hello")
    stack = stacks.find(session, name)
    yield Finding(stack is not None, f"there is a stack `{name}`", "AWS knows no stack of this name")
    if stack is None:
        return
    status = stack["StackStatus"]
    yield Finding(status in DONE, "it is complete", f"it is {status}")
    tags = {tag["Key"]: tag["Value"] for tag in stack.get("Tags", ())}
    said = ", ".join(f"{key}={value}" for key, value in sorted(tags.items())) or "none"
    yield Finding(
        tags.get("Project") == session.project,
        "it carries the tag by which the course knows what is yours",
        f"its tags: {said}",
    )


EXERCISES = (
    Task(
        "00-a",
        "Make something that is yours",
        _a_stack_of_your_own,
        hints=(
            'The client is `session.client("cloudformation")`, the operation `create_stack`. It wants a '
            "`StackName`, a `TemplateBody` and `Tags`.",
            'AWS writes tags as a list of dictionaries: `[{"Key": …, "Value": …}]`.',
            "Capitals count: the tag's key is `Project`, its value the name in `project`.",
            "A stack that is there cannot be created again: `delete_stack(StackName=…)` it first.",
        ),
        learned="A name alone proves nothing, since anybody may use it. Name and tag together are how "
        "`teardown` tells what is yours.",
    ),
    Question(
        "00-b",
        "Where does the course end?",
        options={"a": "`registry`", "b": "`pipeline`", "c": "`task`", "d": "`schedule`"},
        right="bd",
        because="No line of the table names these two under *Builds on*. Each is the end of one half: the "
        "pipeline of development, the schedule of batch. So they are deployed last and taken down first.",
        wrong={
            "a": "Look into the last column but one: who names the registry?",
            "c": "The schedule has to know which task it starts.",
        },
        hints=(
            "Put all the names in the column *Builds on* together. Which stacks are not among them?",
            "`{name for row in stacks for name in row.builds_on}` does it for you. There is more than one.",
        ),
    ),
    Question(
        "00-c",
        "A push while the job is running",
        options={
            "a": "The registry refuses a push while a task is running",
            "b": "The task fetched its image when it started, and does not look at the registry again",
            "c": "The pipeline waits until the task has ended",
            "d": "An image that has once been pushed is never fetched again",
        },
        right="b",
        because="A task runs from its own copy. The next one fetches again and finds the new image. The "
        "registry is a shelf: putting something on it takes nothing away from whoever has been there.",
        wrong={
            "a": "The registry does not know who runs what. It takes the push.",
            "c": "The pipeline belongs to the other half; it knows nothing of tasks, and waits for none.",
            "d": "Then no commit would ever reach production. The next run does fetch.",
        },
        hints=(
            "Follow the arrows in the picture. Is there one from the registry to the running task, or from "
            "the task to the registry?",
            "When does a task use its arrow to the registry: all the time, or at one moment?",
        ),
    ),
)
