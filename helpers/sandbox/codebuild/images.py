"""The build images that CodeBuild maintains.

Checked on 2026-11-23 against the README of https://github.com/aws/aws-codebuild-docker-images (9 April 2026).
"""

from __future__ import annotations

from typing import Any

from ..service import Call
from .store import service

CURATED = {
    "AMAZON_LINUX_2": (
        "aws/codebuild/amazonlinux-x86_64-standard:5.0",
        "aws/codebuild/amazonlinux-x86_64-standard:6.0",
        "aws/codebuild/amazonlinux-aarch64-standard:3.0",
        "aws/codebuild/amazonlinux-aarch64-standard:4.0",
    ),
    "UBUNTU": ("aws/codebuild/standard:7.0", "aws/codebuild/standard:8.0"),
}


@service.operation("ListCuratedEnvironmentImages")
def list_curated_environment_images(call: Call) -> dict[str, Any]:
    return {
        "platforms": [
            {
                "platform": platform,
                "languages": [{"language": "STANDARD", "images": [{"name": name} for name in names]}],
            }
            for platform, names in CURATED.items()
        ]
    }
