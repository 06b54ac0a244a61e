"""Runs one build: phase after phase, as CodeBuild passes from one to the next.

https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details-phases.html (read 2026-11-23). When
`install` or `pre_build` fails nothing more is run. When `build` fails `post_build` runs all the same, and
finds CODEBUILD_BUILD_SUCCEEDING=0; then the artifacts are uploaded. `on-failure` changes that.
"""

from __future__ import annotations

import logging
import os
import platform
import threading
import time
from typing import Any

from botocore.exceptions import ClientError

from ..docker_cli.entry import Settings
from ..logs import AwsLogs
from ..world import World
from . import artifacts, environment, sources
from .buildspec import PHASES, Buildspec, BuildspecError, Phase, is_inline, parse
from .failures import PhaseFailed, of_request
from .record import Record
from .role import BuildRole
from .shell import Interrupted, Shell
from .store import now

logger = logging.getLogger(__name__)

FOLDER = "codebuild"
SECONDS_IN_MINUTE = 60.0
STOPPED = ("STOPPED", "", "")
TIMED_OUT = ("TIMED_OUT", "BUILD_TIMED_OUT", "Build has timed out. ")
LINUX = ("LINUX_", "ARM_")


class Worker:
    """One build while it runs. `settings` are the project's, with what the request put in their place."""

    def __init__(self, world: World, region: str, build: dict[str, Any], settings: dict[str, Any]) -> None:
        self._world, self._region, self.build, self._source = world, region, build, settings["source"]
        self._secondary = settings.get("secondarySources") or []
        versions = settings.get("secondarySourceVersions") or []
        self._versions = {entry["sourceIdentifier"]: entry["sourceVersion"] for entry in versions}
        self._record = Record(world, region, build)
        self._uuid = build["id"].rpartition(":")[2]
        self._folders = environment.Folders(world.home / FOLDER / self._uuid)
        self._role = BuildRole(world, region, build["serviceRole"], settings["arn"], self._uuid)
        self._engine = getattr(world.runtime, "engine", None)
        self._settings: Settings | None = None
        self._logs: AwsLogs | None = None
        self._shell: Shell | None = None
        self._succeeding = True
        self._stop = threading.Event()
        self._deadline = float("inf")

    def stop(self) -> None:
        """End the build as soon as possible, with the status STOPPED."""
        self._stop.set()

    def run(self) -> None:
        """Run the whole build."""
        status = "FAILED"
        try:
            status = self._run()
        except Interrupted as interruption:
            status = interruption.args[0]
        except PhaseFailed:
            pass
        except Exception:
            status = "FAULT"
            logger.exception("build %s", self.build["id"])
        finally:
            self._finish()
            self._record.complete(status)

    def _run(self) -> str:
        self._record.begin()
        for name in ("SUBMITTED", "QUEUED"):
            with self._record.phase(name):
                pass
        self._deadline = time.monotonic() + self.build["timeoutInMinutes"] * SECONDS_IN_MINUTE
        with self._record.phase("PROVISIONING"):
            self._provision()
        self._say("Waiting for DOWNLOAD_SOURCE")
        spec = self._phase("DOWNLOAD_SOURCE", self._download)
        if self._run_phases(spec):
            self._phase("UPLOAD_ARTIFACTS", self._upload, spec)
        return "SUCCEEDED" if self._succeeding else "FAILED"

    # The log ----------------------------------------------------------------------------------------------

    def _line(self, line: str) -> None:
        if self._logs is not None:
            self._logs.write(environment.mask(self._folders.discreet(line), self._role.secrets))

    def _say(self, text: str) -> None:
        self._line(f"[Container] {now():%Y/%m/%d %H:%M:%S.%f} {text}")

    def _phase(self, name: str, work: Any, *arguments: Any) -> Any:
        """Do the work of a phase and say how it ended. Raises PhaseFailed and Interrupted."""
        ended = ("SUCCEEDED", "", "")
        try:
            with self._record.phase(name):
                return work(*arguments)
        except PhaseFailed as failure:
            self._succeeding = False
            ended = ("FAILED", failure.code, failure.message)
            raise
        except Interrupted as interruption:
            ended = interruption.args
            raise
        finally:
            status, code, message = ended
            self._say(f"Phase complete: {name} State: {status}")
            self._say(f"Phase context status code: {code} Message: {message}")

    # Phases -----------------------------------------------------------------------------------------------

    def _provision(self) -> None:
        if not hasattr(os, "mkfifo"):
            raise PhaseFailed(
                "CLIENT_ERROR", "a build needs a Unix shell: on Windows, run the sandbox in WSL"
            )
        self._role.check()
        self._open_log()
        kind = self.build["environment"]["type"]
        if not kind.startswith(LINUX):
            raise PhaseFailed(
                "CLIENT_ERROR", f"the sandbox has no build environment of type {kind}, only Linux"
            )
        self._folders.make()
        privileged = self.build["environment"]["privilegedMode"]
        settings = Settings(
            self._world.endpoint, self._world.account, str(self._folders.top / "docker"), privileged
        )
        if self._engine:
            self._settings = settings = self._engine.for_builds(settings)
        environment.write_programs(self._folders, settings)
        self._say("Running on CodeBuild On-demand")
        machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
        image = self.build["environment"]["image"]
        self._say(
            f"Sandbox: the commands run as processes of this machine ({machine}), not in the image {image}"
        )
        self._say("Waiting for agent ping")

    def _open_log(self) -> None:
        """The log stream, made with the service role. Raises PhaseFailed when the role may not."""
        logs = self.build["logs"]
        if "groupName" not in logs:
            return
        client, group, stream = self._role.client("logs"), logs["groupName"], logs["streamName"]
        try:
            try:
                client.create_log_stream(logGroupName=group, logStreamName=stream)
            except client.exceptions.ResourceNotFoundException:
                client.create_log_group(logGroupName=group)
                client.create_log_stream(logGroupName=group, logStreamName=stream)
        except ClientError as error:
            raise PhaseFailed(
                "ACCESS_DENIED",
                f"Service role {self.build['serviceRole']} does not allow AWS CodeBuild to create Amazon "
                f"CloudWatch Logs log streams for build {self.build['arn']}. Error message: "
                f"{error.response['Error']['Message']}",
            ) from error
        self._logs = AwsLogs(client, group, stream)

    def _download(self) -> Buildspec:
        self._say("Phase is DOWNLOAD_SOURCE")
        build, folders = self.build, self._folders
        commit = sources.download(
            self._world, self._region, self._role, self._source, build.get("sourceVersion"), folders.source
        )
        if commit:
            build["resolvedSourceVersion"] = commit
        commit = build.get("resolvedSourceVersion")
        self._say(f"CODEBUILD_SRC_DIR={folders.source}")
        others = self._download_secondary()
        spec = self._read_buildspec()
        self._say("Processing environment variables")
        if not any(note.startswith("runtime-versions") for note in spec.notes):
            self._say("No runtime version selected in buildspec.")
        for note in spec.notes:
            self._say(f"Sandbox: {note}")
        variables = {
            **environment.basic(folders, self._world.endpoint, self._region),
            **environment.own(build, spec, self._role),
            **environment.of_codebuild(build, self._source, commit, folders),
            **others,
            **self._role.environment(),
        }
        self._shell = Shell(
            spec.shell, variables, folders.source, folders.top / "shell", self._line, self._interruption
        )
        self._say(f"Moving to directory {folders.source}")
        self._say(f"Phases found in YAML: {len(spec.phases)}")
        for name, phase in spec.phases.items():
            self._say(f" {name.upper()}: {len(phase.commands) + len(phase.finally_)} commands")
        return spec

    def _download_secondary(self) -> dict[str, str]:
        """Fetch the secondary sources; the variables that name their folders."""
        found = {}
        for source in self._secondary:
            name = source["sourceIdentifier"]
            place = self._folders.top / f"src-{name}"
            place.mkdir()
            version = self._versions.get(name)
            sources.download(self._world, self._region, self._role, source, version, place)
            found[f"CODEBUILD_SRC_DIR_{name}"] = str(place)
            self._say(f"CODEBUILD_SRC_DIR_{name}={place}")
        return found

    def _read_buildspec(self) -> Buildspec:
        wanted = self.build["source"].get("buildspec") or "buildspec.yml"
        try:
            if is_inline(wanted):
                self._say("YAML location is the build project")
                return parse(wanted)
            return parse(self._buildspec_text(wanted))
        except BuildspecError as error:
            raise PhaseFailed("YAML_FILE_ERROR", str(error)) from error

    def _buildspec_text(self, wanted: str) -> str:
        if wanted.startswith("arn:"):
            bucket, _, key = wanted.split(":::", 1)[1].partition("/")
            try:
                return self._role.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()
            except ClientError as error:
                raise PhaseFailed("YAML_FILE_ERROR", of_request(error)) from error
        path = self._folders.source / wanted
        self._say(f"YAML location is {path}")
        try:
            return path.read_text()
        except OSError as error:
            told = self._folders.discreet(f"stat {path}: no such file or directory")
            raise PhaseFailed("YAML_FILE_ERROR", told) from error

    def _run_phases(self, spec: Buildspec) -> bool:
        """Run the commands of all phases. False when a failure leaves nothing to upload."""
        for name in PHASES:
            phase = spec.phases.get(name, Phase())
            self._say(f"Entering phase {name.upper()}")
            try:
                self._phase(name.upper(), self._run_phase, spec, phase, name)
            except PhaseFailed:
                self._shell.run("CODEBUILD_BUILD_SUCCEEDING=0; export CODEBUILD_BUILD_SUCCEEDING")
                if phase.on_failure == "CONTINUE":
                    continue
                if phase.on_failure == "ABORT" or name in ("install", "pre_build"):
                    return False
        return True

    def _run_phase(self, spec: Buildspec, phase: Phase, name: str) -> None:
        failure: PhaseFailed | None = None
        for commands in (phase.commands, phase.finally_):
            for command in commands:
                try:
                    self._run_command(spec, command)
                except PhaseFailed as failed:
                    failure = failure or failed
                    break
        if name == "post_build":
            self._export(spec)
        if failure:
            raise failure

    def _run_command(self, spec: Buildspec, command: str) -> None:
        self._say(f"Running command {command}")
        if spec.version == "0.1":
            self._shell.forget()
        status = self._shell.run(command)
        if status:
            self._line("")
            self._say(f"Command did not exit successfully {command} exit status {status}")
            raise PhaseFailed(
                "COMMAND_EXECUTION_ERROR",
                f"Error while executing command: {command}. Reason: exit status {status}",
            )

    def _export(self, spec: Buildspec) -> None:
        """Keep what the variables that the buildspec exports hold now."""
        found = []
        for name in spec.exported:
            value = None if name.startswith("AWS_") else self._shell.value_of(name)
            if value is not None and value not in self._role.secrets:
                found.append({"name": name, "value": value})
        self.build["exportedEnvironmentVariables"] = found

    def _upload(self, spec: Buildspec) -> None:
        targets = [(self.build["artifacts"], self._wanted_artifacts(spec))]
        for target in self.build.get("secondaryArtifacts", []):
            targets.append((target, spec.secondary_artifacts.get(target.get("artifactIdentifier", ""))))
        for target, wanted in targets:
            if wanted is None or target.get("type") not in ("S3", "CODEPIPELINE"):
                continue
            name = target.get("name") or self.build["projectName"]
            if wanted.name and target.get("overrideArtifactName"):
                self._shell.run(f'__artifact_name="{wanted.name}"')
                name = self._shell.value_of("__artifact_name") or name
            found = artifacts.upload(
                self._role, target, wanted, name, self.build, self._folders.source, self._say
            )
            with self._world.lock:
                target |= found

    def _wanted_artifacts(self, spec: Buildspec) -> artifacts.Artifacts | None:
        if spec.artifacts is None and self.build["artifacts"].get("type") in ("S3", "CODEPIPELINE"):
            self._say("No artifacts are named in the buildspec")
        return spec.artifacts

    def _interruption(self) -> tuple[str, str, str] | None:
        if self._stop.is_set():
            return STOPPED
        return TIMED_OUT if time.monotonic() > self._deadline else None

    def _finish(self) -> None:
        if self._shell is not None:
            self._shell.close()
        with self._record.phase("FINALIZING"):
            if self._settings:
                self._engine.after_build(self._settings)
            self._folders.remove()
            self._role.close()
            if self._logs is not None:
                self._logs.close()
