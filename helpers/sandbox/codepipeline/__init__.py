"""CodePipeline: executions that move from stage to stage, for real, and stop where something fails."""

from . import background, executions, pipelines, views
from .store import service

__all__ = ["background", "executions", "pipelines", "service", "views"]
