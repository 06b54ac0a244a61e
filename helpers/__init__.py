"""What a cell imports: one verb on one noun, the session first.

    from helpers import deploy, open_session

    session = open_session()
    deploy(session, "network")

Each name is imported when it is first used, so that a notebook (and `python -m helpers.sandbox`) starts fast.
"""

from __future__ import annotations

import importlib

_FROM = {
    "session": ("Session", "open_session"),
    "stacks": ("Stack", "describe", "events", "exports", "outputs", "overview", "resources"),
    "launch": ("deploy",),
    "changes": ("preview",),
    "snippets": ("template", "to_json", "to_yaml"),
    "explanations": ("explain",),
    "resolving": ("resolved",),
    "source": ("commit", "read_file", "upload_code", "upload_day"),
    "builds": ("follow_build", "start_build"),
    "pipelines": ("follow_pipeline", "retry", "start_pipeline"),
    "registry": ("ensure_image", "images"),
    "tasks": ("follow_logs", "next_task", "run_task"),
    "reports": ("report",),
    "diagnosis": ("why",),
    "tracing": ("trace",),
    "cleanup": ("teardown",),
    "schedules": ("next_firings",),
    "schedule_words": ("in_words",),
    "firing_times": ("firings",),
    "exercises": ("check", "hint", "plant", "progress"),
    "fargate": ("sizes",),
    "pricing": ("prices",),
    "metering": ("cost",),
    "months": ("monthly",),
    "rightsizing": ("right_size",),
    "choosing": ("alternatives",),
    "errors": (
        "AccountNotAllowed",
        "AwsRefused",
        "BuildFailed",
        "CredentialsMissing",
        "DayMissing",
        "FileMissing",
        "ImagesMissing",
        "Interrupted",
        "NameUnknown",
        "NotReady",
        "PipelineFailed",
        "RegionMissing",
        "ReportMissing",
        "SandboxUnavailable",
        "StackFailed",
        "StackMissing",
        "StillWorking",
        "TaskNotStarted",
        "TeardownIncomplete",
        "TemplateInvalid",
        "WorkshopError",
    ),
}
_WHERE = {name: module for module, names in _FROM.items() for name in names}

__all__ = sorted(_WHERE)


def __getattr__(name: str):
    if name not in _WHERE:
        raise AttributeError(f"module 'helpers' has no attribute '{name}'")
    value = getattr(importlib.import_module(f".{_WHERE[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
