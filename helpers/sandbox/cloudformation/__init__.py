"""CloudFormation: stacks that are really made, resource by resource, through the sandbox's own APIs."""

from . import change_sets, reading, reading_templates, stacks
from .recovery import recover
from .service import service

service.on_start(recover)

__all__ = ["change_sets", "reading", "reading_templates", "service", "stacks"]
