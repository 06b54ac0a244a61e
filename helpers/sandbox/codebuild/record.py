"""A build as the API shows it, while it changes: phases with true times, status, events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from ..world import World
from .failures import PhaseFailed
from .shell import Interrupted
from .store import now


class Record:
    """Writes into one build of the store, and tells the event bus.

    Events after "Build notifications sample for CodeBuild" in the AWS CodeBuild user guide.
    """

    def __init__(self, world: World, region: str, build: dict[str, Any]) -> None:
        self._world, self._region, self.build = world, region, build

    @contextmanager
    def phase(self, name: str) -> Iterator[dict[str, Any]]:
        """One phase, from now until the block ends; a failure is written into it and raised again."""
        entry: dict[str, Any] = {
            "phaseType": name,
            "phaseStatus": "IN_PROGRESS",
            "startTime": now(),
            "contexts": [],
        }
        with self._world.lock:
            self.build["phases"].append(entry)
            self.build["currentPhase"] = name
        self._world.changed()
        try:
            yield entry
        except PhaseFailed as failure:
            self._end(entry, "FAILED", failure.code, failure.message)
            raise
        except Interrupted as interruption:
            self._end(entry, *interruption.args)
            raise
        except Exception as error:
            self._end(
                entry,
                "FAULT",
                "INTERNAL_SERVICE_ERROR",
                f"The sandbox failed: {error!r}; its log says where.",
            )
            raise
        else:
            self._end(entry, "SUCCEEDED", "", "")

    def _end(self, entry: dict[str, Any], status: str, code: str, message: str) -> None:
        with self._world.lock:
            entry["phaseStatus"], entry["endTime"] = status, now()
            entry["durationInSeconds"] = int((entry["endTime"] - entry["startTime"]).total_seconds())
            entry["contexts"] = [{"statusCode": code, "message": message}]
        self._world.changed()
        self._publish(
            "CodeBuild Build Phase Change",
            {
                "completed-phase": entry["phaseType"],
                "completed-phase-status": status,
                "completed-phase-start": event_time(entry["startTime"]),
                "completed-phase-end": event_time(entry["endTime"]),
                "completed-phase-duration-seconds": entry["durationInSeconds"],
                "completed-phase-context": f"[{code}: {message}]",
            },
        )

    def begin(self) -> None:
        """Say that the build has started."""
        self.status("IN_PROGRESS")

    def complete(self, status: str) -> None:
        """End the build."""
        with self._world.lock:
            moment = now()
            self.build["phases"].append({"phaseType": "COMPLETED", "startTime": moment})
            self.build |= {"currentPhase": "COMPLETED", "endTime": moment, "buildComplete": True}
        self.status(status)

    def status(self, status: str) -> None:
        with self._world.lock:
            self.build["buildStatus"] = status
        self._world.changed()
        self._publish("CodeBuild Build State Change", {"build-status": status})

    def _publish(self, kind: str, detail: dict[str, Any]) -> None:
        build = self.build
        about = {**detail, "project-name": build["projectName"], "build-id": build["arn"]}
        about |= {"current-phase": build["currentPhase"], "version": "1"}
        about |= {"current-phase-context": "[]", "additional-information": information(build)}
        self._world.publish(self._region, "aws.codebuild", kind, about, [build["arn"]])


def information(build: dict[str, Any]) -> dict[str, Any]:
    """The part of an event that describes the build."""
    environment, logs = build["environment"], build["logs"]
    return {
        "timeout-in-minutes": build["timeoutInMinutes"],
        "build-complete": build["buildComplete"],
        "build-number": build["buildNumber"],
        "initiator": build["initiator"],
        "build-start-time": event_time(build["startTime"]),
        "source": {key: build["source"].get(key) for key in ("type", "location") if build["source"].get(key)},
        "source-version": build.get("sourceVersion", ""),
        "artifact": {"location": build["artifacts"].get("location", "")},
        "environment": {
            "image": environment["image"],
            "privileged-mode": environment["privilegedMode"],
            "image-pull-credentials-type": environment["imagePullCredentialsType"],
            "compute-type": environment["computeType"],
            "type": environment["type"],
            "environment-variables": environment["environmentVariables"],
        },
        "logs": {
            "group-name": logs.get("groupName", ""),
            "stream-name": logs.get("streamName", ""),
            "deep-link": logs.get("deepLink", ""),
        },
        "phases": [_phase(entry) for entry in build["phases"]],
    }


def _phase(entry: dict[str, Any]) -> dict[str, Any]:
    found = {"phase-type": entry["phaseType"], "start-time": event_time(entry["startTime"])}
    if "endTime" in entry:
        contexts = [f"{context['statusCode']}: {context['message']}" for context in entry["contexts"]]
        found |= {
            "phase-context": contexts,
            "end-time": event_time(entry["endTime"]),
            "duration-in-seconds": entry["durationInSeconds"],
            "phase-status": entry["phaseStatus"],
        }
    return found


def event_time(moment: datetime) -> str:
    """`Sep 1, 2017 4:12:29 PM`"""
    return f"{moment:%b} {moment.day}, {moment.year} {moment.hour % 12 or 12}:{moment:%M:%S %p}"
