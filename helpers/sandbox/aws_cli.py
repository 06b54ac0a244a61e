"""The `aws` that a build finds on its PATH.

Build images have version 2 of the AWS CLI; as a Python package only version 1 exists, and it is what runs
here. Where an older buildspec would notice the difference, version 2's answer is given.
"""

from __future__ import annotations

import sys

from . import aws_quick

# https://docs.aws.amazon.com/cli/latest/userguide/cliv2-migration-changes.html: "get-login" was removed.
GET_LOGIN = """
usage: aws [options] <command> <subcommand> [<subcommand> ...] [parameters]
To see help text, you can run:

  aws help
  aws <command> help
  aws <command> <subcommand> help

aws: error: argument operation: Invalid choice, valid choices are:

get-authorization-token                  | get-login-password
wait                                     | help


Invalid choice: 'get-login', maybe you meant:

  * get-login-password
"""
USAGE_ERROR = 252  # version 2's exit code for a command line that it does not understand


def main(arguments: list[str]) -> int:
    """Run the AWS CLI."""
    words = [word for word in arguments if not word.startswith("-")]
    if words[:2] == ["ecr", "get-login"]:
        print(GET_LOGIN, file=sys.stderr)
        return USAGE_ERROR
    said = aws_quick.answer(arguments)
    if said is not None:
        print(said)
        return 0
    from awscli.clidriver import main as run

    sys.argv = ["aws", *arguments]
    return run()
