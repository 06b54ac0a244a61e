"""CloudFormation as a service of the sandbox: ours alone, moto's own never answers."""

from ..service import Service
from .model import Store

service = Service("cloudformation", store=Store, refuse_others=True)
