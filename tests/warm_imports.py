"""What the process that sandboxes are forked from (tests/warm.py) does first, and each fork does anew."""

from __future__ import annotations

import importlib
import secrets

from moto.core.utils import get_service_model
from moto.moto_api._internal import mock_random

from helpers.sandbox import moto_app, principals, server, world

# What the course uses. CloudFormation is all ours; moto's would import everything that moto has.
MOTO = (
    "cloudwatch",
    "codecommit",
    "ec2",
    "ecr",
    "ecs",
    "events",
    "iam",
    "logs",
    "s3",
    "scheduler",
    "sns",
    "sqs",
    "sts",
)
OURS = ("cloudformation", "codebuild", "codepipeline")
SIGNED_AS = {"cloudwatch": "monitoring"}


def load() -> None:
    """Import, read and build whatever does not depend on who will use it. Starts no thread."""
    for name in server.SERVICES:
        importlib.import_module(f"helpers.sandbox.{name}")
    for name in MOTO:
        credential = (
            f"AWS4-HMAC-SHA256 Credential=x/20130101/us-east-1/{SIGNED_AS.get(name, name)}/aws4_request,"
        )
        moto_app.application().get_application({"HTTP_AUTHORIZATION": credential, "HTTP_HOST": "localhost"})
    nobody = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "endpoint_url": "http://localhost"}
    for name in (*MOTO, *OURS):
        get_service_model(name)
        world.boto_session().client(name, "us-east-1", **nobody)


def run(arguments: list[str]) -> int:
    """The sandbox's own `main`, in this process. What is random must differ from the other forks."""
    mock_random.seed()
    principals._nonce = secrets.token_hex(8)
    return server.main(arguments)
