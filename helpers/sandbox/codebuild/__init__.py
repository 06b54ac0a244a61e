"""CodeBuild: projects, and builds that really run the commands of a `buildspec.yml`.

    real            phases and their transitions, commands in one shell, environment variables, the service
                    role and its permissions, logs line by line in CloudWatch Logs, artifacts, timeout, stop
    simulated       the build environment: commands run as processes of this machine, in a folder of their
                    own, as the user who started the sandbox and with the Python that runs the sandbox; only
                    `docker` is another program (docker_cli), and only with PrivilegedMode
    not simulated   the project's image and compute type, runtime-versions, run-as, VPC, cache, reports,
                    batches, webhooks and fleets: said in the build's log, or refused by name

Sources: AWS CodeBuild user guide and API reference, and build logs that users published (read 2026-11-23).
"""

from . import builds, images, projects
from .store import service

__all__ = ["builds", "images", "projects", "service"]
