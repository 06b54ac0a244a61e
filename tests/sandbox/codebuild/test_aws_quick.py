"""The short cuts for two commands of the AWS CLI say what the AWS CLI says."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from helpers.sandbox import aws_quick

from .ground import Ground

ROOT = Path(__file__).resolve().parents[3]
KEYS = {"AccessKeyId": "ASIAIOSFODNN7EXAMPLE", "SecretAccessKey": "a/secret+key", "Token": "a//token=="}
ASK = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from helpers.sandbox import aws_quick as quick; "


def test_the_version_is_the_one_of_the_cli() -> None:
    program = "import sys; from awscli.clidriver import main; sys.exit(main())"
    real = subprocess.run([sys.executable, "-c", program, "--version"], capture_output=True, text=True)
    assert aws_quick.answer(["--version"]) == real.stdout.strip()


def test_the_signature_is_botocores() -> None:
    endpoint, now = "http://127.0.0.1:4321", datetime.now(timezone.utc)
    headers = {"X-Amz-Target": "A.B", "Content-Type": "application/x-amz-json-1.1"}
    signed = aws_quick.sign(endpoint, "eu-west-1", "ecr", b"{}", headers, KEYS, now)
    theirs = AWSRequest("POST", f"{endpoint}/", data=b"{}", headers=headers)
    credentials = Credentials(KEYS["AccessKeyId"], KEYS["SecretAccessKey"], KEYS["Token"])
    signer = SigV4Auth(credentials, "ecr", "eu-west-1")
    moment = signed["X-Amz-Date"]
    theirs.context["timestamp"] = moment
    signer._modify_request_before_signing(theirs)
    theirs.headers.replace_header("X-Amz-Date", moment)
    text = signer.string_to_sign(theirs, signer.canonical_request(theirs))
    assert signed["Authorization"].endswith(f"Signature={signer.signature(text, theirs)}")


def test_a_build_gets_its_password_by_the_short_cut(place: Ground) -> None:
    login = "['ecr', 'get-login-password']"
    built = place.commands(
        f'python -c "{ASK}print(quick.answer({login})[:4])"',
        f"python -c \"{ASK}print(quick.answer({login} + ['--region', 'eu-west-1'])[:4])\"",
        f'AWS_PROFILE=other python -c "{ASK}print(quick.answer({login}))"',
    )
    assert built.output == ["ecr-", "ecr-", "None"]


@pytest.mark.parametrize(
    "arguments", ["ecr get-login-password --debug", "ecr describe-images", "--version x"]
)
def test_everything_else_is_left_to_the_cli(arguments: str) -> None:
    assert aws_quick.answer(arguments.split()) is None
