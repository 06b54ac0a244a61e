"""The exercises of 04: a rule for what has lost its name, the way back by digest, and what to write down."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from .. import stacks
from ..resolving import resolved
from ..session import Session
from .looking import template_of
from .nouns import Finding, Question, Task

OLD, NEW = "release 1", "release 2"
TAG = "stable"


def _nameless_ones_go(session: Session) -> Iterator[Finding]:
    stack = stacks.describe(session, "registry")
    rules = _rules(session, stack.outputs["RepositoryName"])
    nameless = [rule for rule in rules if rule["selection"].get("tagStatus") == "untagged"]
    by_age = [_age(rule["selection"]) for rule in nameless]
    yield Finding(
        by_age == [7],
        "images without a tag are deleted seven days after their push",
        "no rule is about images without a tag" if not nameless else "the rule for them says something else",
    )
    kept = [
        rule["selection"].get("countNumber")
        for rule in rules
        if rule["selection"].get("tagStatus") == "any"
        and rule["selection"].get("countType") == "imageCountMoreThan"
    ]
    yield Finding(kept == [10], "of all images, the ten newest are still kept", f"kept are {kept or 'all'}")
    last = max(rules, key=lambda rule: rule["rulePriority"], default=None)
    yield Finding(
        last is not None and last["selection"].get("tagStatus") == "any",
        "the rule for all images comes last, as ECR wants it: it has the highest number",
        "another rule has a higher number",
    )
    yield Finding(len(rules) == 2, "there is no third rule", f"there are {len(rules)} rules")
    known = _rules_of_the_stack(session)
    yield Finding(
        known == rules,
        "the stack knows it, so that its next update keeps it",
        "the stack's template says otherwise",
    )


def _age(selection: dict[str, Any]) -> int | None:
    in_days = (selection.get("countType"), selection.get("countUnit")) == ("sinceImagePushed", "days")
    return selection.get("countNumber") if in_days else None


def _rules(session: Session, repository: str) -> list[dict[str, Any]]:
    ecr = session.client("ecr")
    try:
        text = ecr.get_lifecycle_policy(repositoryName=repository)["lifecyclePolicyText"]
    except ecr.exceptions.LifecyclePolicyNotFoundException:
        return []
    return sorted(json.loads(text)["rules"], key=lambda rule: rule["rulePriority"])


def _rules_of_the_stack(session: Session) -> list[dict[str, Any]]:
    """The rules as the stack's template has them, with its parameters filled in."""
    texts = [
        resource["Properties"].get("LifecyclePolicy", {}).get("LifecyclePolicyText")
        for resource in template_of(session, "registry").resources.values()
        if resource.get("Type") == "AWS::ECR::Repository"
    ]
    if texts and not isinstance(texts[0], str):  # a function: what it gives in the deployed stack
        uses = resolved(session, "registry").rows
        texts = [use.value for use in uses if use.where.endswith("LifecyclePolicyText")]
    try:
        return sorted(json.loads(texts[0])["rules"], key=lambda rule: rule["rulePriority"])
    except (LookupError, TypeError, ValueError):
        return []


def _back_to_the_old_release(session: Session) -> Iterator[Finding]:
    repository = stacks.describe(session, "registry").outputs["RepositoryName"]
    shelf = _by_words(session, repository)
    for words in (OLD, NEW):
        yield Finding(
            words in shelf,
            f"an image with the words `{words}` is on the shelf",
            "no image has them as its layer",
        )
    named = [words for words, tags in shelf.items() if TAG in tags]
    where = f"it is on `{named[0]}`" if named else "no image with one of the two words has it"
    yield Finding(named == [OLD], f"the tag `{TAG}` names `{OLD}`", where)


def _by_words(session: Session, repository: str) -> dict[str, set[str]]:
    """The tags of those images whose one layer is made of the old words or the new ones."""
    ecr = session.client("ecr")
    pages = ecr.get_paginator("describe_images").paginate(repositoryName=repository)
    images = {
        image["imageDigest"]: set(image.get("imageTags", ()))
        for page in pages
        for image in page["imageDetails"]
    }
    words_of = {_digest(words): words for words in (OLD, NEW)}
    found: dict[str, set[str]] = {}
    wanted = [{"imageDigest": digest} for digest in images]
    for begin in range(0, len(wanted), 100):
        answer = ecr.batch_get_image(repositoryName=repository, imageIds=wanted[begin : begin + 100])
        for image in answer["images"]:
            layers = [layer.get("digest") for layer in json.loads(image["imageManifest"]).get("layers", ())]
            if len(layers) == 1 and layers[0] in words_of:
                found.setdefault(words_of[layers[0]], set()).update(images[image["imageId"]["imageDigest"]])
    return found


def _digest(words: str) -> str:
    return f"sha256:{hashlib.sha256(words.encode()).hexdigest()}"


EXERCISES = (
    Task(
        "04-a",
        "What has lost its name may go sooner",
        _nameless_ones_go,
        hints=(
            "The rules are JSON inside the template of `registry`. No parameter adds a second rule, so the "
            'text has to change: take it with `template(session, "registry").text`, and replace something '
            "in it.",
            "A rule for images without a tag has the `tagStatus` *untagged*. By age means the `countType` "
            "*sinceImagePushed*, with a `countUnit` and a `countNumber`. ECR's guide has them all on the "
            "page *Lifecycle policy properties*.",
            "Rules are looked at in the order of their `rulePriority`, and ECR demands that the one for "
            "*any* image has the highest. So the old rule needs another number.",
            "Write the new text to a file `registry.yaml` and deploy that by its path. What you set with "
            "`put_lifecycle_policy`, the next update of the stack may take back.",
        ),
        learned="Nobody can ask for such an image by name. Seven days are time enough to go back to it by "
        "its digest; after that it costs money and is of use to nobody.",
    ),
    Task(
        "04-b",
        "The way back",
        _back_to_the_old_release,
        hints=(
            "Which call of the five puts a tag on an image? It is the last one in `push`, and it wants a "
            "manifest.",
            "ECR gives out the manifest of an image that it has: `batch_get_image`, with the image's digest "
            "in `imageIds`. The digest is what `push` returned, and `images(session)` shows it too.",
            '`put_image` with that manifest and `imageTag="stable"`: the same manifest is the same image, '
            "and only the label moves.",
        ),
        learned="Not a byte was uploaded. Going back is moving a label, as long as the old image is still "
        "on the shelf; a lifecycle rule must leave you time for that.",
    ),
    Question(
        "04-c",
        "What should have been written down?",
        options={
            "a": "The tag `latest`, which the task definition asks for",
            "b": "The day and the hour at which the task ran",
            "c": "The tag of the commit, which the build pushes as well",
            "d": "The image's address with its digest, as the task reports it",
        },
        right="d",
        because="A digest is the checksum of the image: whoever has it can fetch exactly this image, and can "
        "prove that it is the one. Everything else is a name, or a way to guess which image a name meant "
        "then.",
        wrong={
            "a": "It has moved on since. Today it names another program.",
            "b": "With luck one can conclude what was on the shelf at that hour. It is no proof.",
            "c": "Close. In a repository with immutable tags it would do. In ours any tag can be moved by "
            "whoever may push.",
        },
        hints=(
            "Which of the four could mean something else today than it did then?",
            "Section 4 has a word for what never lies.",
        ),
    ),
)
