"""ECR: moto keeps the repositories; what is an image, a tag and a digest is decided here.

A digest is the SHA-256 of the manifest. A tag names one image at a time: pushing another image under it
leaves the first one without that tag but in the repository, where its digest still names it; in a repository
with immutable tags the second push is refused. Vulnerability scans and lifecycle rules are not simulated.

Wording after the Amazon ECR API reference and messages that its users published (read 2026-11-23).
"""

from . import images, layers, passwords
from .store import service

__all__ = ["images", "layers", "passwords", "service"]
