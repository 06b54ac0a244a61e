"""A place to build images and to run them: the grounds of the build tests and of the task tests in one."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.sandbox.codebuild.ground import Built
from tests.sandbox.codebuild.ground import Ground as BuildGround
from tests.sandbox.ecs.ground import Ground as TaskGround

ROOT = Path(__file__).resolve().parents[2]
JOB = ROOT / "sample_job"
LOGIN = "aws ecr get-login-password | docker login --username AWS --password-stdin ${REPOSITORY_URI%%/*}"
_numbers = itertools.count(1)


@dataclass
class Works:
    """Builds go into the repository that tasks run from. Its name is the same everywhere."""

    sandbox: Any
    name: str = field(default_factory=lambda: f"works{next(_numbers)}-{time.monotonic_ns() % 10**8}")

    def __post_init__(self) -> None:
        self.tasks = TaskGround(self.sandbox, name=self.name)
        self.builds = BuildGround(self.sandbox, name=f"{self.name}-build")
        self.uri, self.ecr = self.tasks.repository, self.tasks.ecr
        variables = {"REPOSITORY_URI": self.uri, "IMAGE_TAG": "latest", "AWS_ACCOUNT_ID": self.uri[:12]}
        given = [{"name": name, "value": value} for name, value in variables.items()]
        environment = {**self.builds.project()["environment"], "environmentVariables": given}
        self.builds.codebuild.update_project(name=self.builds.name, environment=environment)

    def build(self, dockerfile: str, *commands: str, files: dict[str, str] | None = None) -> Built:
        """Build and push a Dockerfile as $REPOSITORY_URI:latest, after other commands."""
        steps = (
            *commands,
            LOGIN,
            "docker build -t $REPOSITORY_URI:latest .",
            "docker push $REPOSITORY_URI:latest",
        )
        return self.builds.commands(*steps, files={"Dockerfile": dockerfile, **(files or {})})

    def build_job(self, **changes: str) -> Built:
        """Build the sample job's own source, unmodified but for the changes, by its own buildspec."""
        files = {
            path.relative_to(JOB).as_posix(): path.read_bytes()
            for path in JOB.rglob("*")
            if path.is_file() and not {"data", "__pycache__"} & set(path.parts)
        }
        return self.builds.build(None, files={**files, **changes})

    @property
    def images(self) -> dict[str, list[str]]:
        """The tags of each image, by digest."""
        found = self.ecr.describe_images(repositoryName=self.name)["imageDetails"]
        return {image["imageDigest"]: sorted(image.get("imageTags", [])) for image in found}

    @property
    def latest(self) -> str:
        """The digest of the image that has the tag `latest`."""
        return next(digest for digest, tags in self.images.items() if "latest" in tags)

    def run(self, image: str = "", **container: Any) -> dict[str, Any]:
        """Run a task from the image (this repository's latest) to its end."""
        more = {key: container.pop(key) for key in ("cpu", "memory") if key in container}
        definition = self.tasks.define(
            self.tasks.container(image or f"{self.uri}:latest", **container), **more
        )
        return self.tasks.ran(definition)

    def ended(self, task: dict[str, Any]) -> tuple[int | None, str | None]:
        """Exit code and reason of the task's container."""
        container = task["containers"][0]
        return container.get("exitCode"), container.get("reason")
