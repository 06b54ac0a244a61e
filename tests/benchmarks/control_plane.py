"""What the sandbox adds to moto: the same calls to both, in turn, in one run; medians and their ratio.

    python tests/benchmarks/control_plane.py [--rounds 100]

Both servers run as processes of their own on this machine, and each call alternates between them, so that a
machine that slows down slows both. A ratio of 1.2 means that the sandbox takes 20 % longer than plain moto.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
from botocore.config import Config

ROOT = Path(__file__).resolve().parents[2]
TRUST = {"Version": "2012-10-17", "Statement": []}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def plain_moto() -> Iterator[str]:
    """moto's own server."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    endpoint = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{endpoint}/moto-api/", timeout=1)
                break
            time.sleep(0.05)
        yield endpoint
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def sandbox() -> Iterator[str]:
    """The sandbox, in a home of its own."""
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "-m", "helpers.sandbox"]
        options = ["--home", home, "--pace", "0", "--port", str(free_port()), "--json"]
        started = subprocess.run(
            [*command, "start", *options], cwd=ROOT, capture_output=True, text=True, check=True
        )
        try:
            yield json.loads(started.stdout)["endpoint"]
        finally:
            subprocess.run([*command, "stop", "--home", home], cwd=ROOT, capture_output=True, check=True)


def calls(endpoint: str) -> dict[str, Callable[[], object]]:
    """One function a call, after what they need has been made."""

    def client(service: str) -> object:
        return boto3.client(
            service,
            endpoint_url=endpoint,
            region_name="eu-west-1",
            aws_access_key_id="sandbox",
            aws_secret_access_key="sandbox",
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        )

    s3, iam, ecs, ecr, logs, events, sqs, ec2 = map(
        client, ("s3", "iam", "ecs", "ecr", "logs", "events", "sqs", "ec2")
    )
    s3.create_bucket(Bucket="bench-bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="bench-bucket", Key="k", Body=b"x" * 10_000)
    iam.create_role(RoleName="bench", AssumeRolePolicyDocument=json.dumps(TRUST))
    ecs.create_cluster(clusterName="bench")
    ecr.create_repository(repositoryName="bench")
    logs.create_log_group(logGroupName="bench")
    events.put_rule(Name="bench", ScheduleExpression="rate(1 day)", State="DISABLED")
    queue = sqs.create_queue(QueueName="bench")["QueueUrl"]
    return {
        "s3 PutObject 10 kB": lambda: s3.put_object(Bucket="bench-bucket", Key="k", Body=b"x" * 10_000),
        "s3 GetObject 10 kB": lambda: s3.get_object(Bucket="bench-bucket", Key="k")["Body"].read(),
        "iam GetRole": lambda: iam.get_role(RoleName="bench"),
        "ecs DescribeClusters": lambda: ecs.describe_clusters(clusters=["bench"]),
        "ecr DescribeRepositories": lambda: ecr.describe_repositories(),
        "logs DescribeLogGroups": lambda: logs.describe_log_groups(),
        "events DescribeRule": lambda: events.describe_rule(Name="bench"),
        "sqs SendMessage": lambda: sqs.send_message(QueueUrl=queue, MessageBody="x"),
        "ec2 DescribeVpcs": lambda: ec2.describe_vpcs(),
    }


def seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=100, help="how often each call is made (default: 100)")
    rounds = parser.parse_args().rounds
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    with plain_moto() as plain, sandbox() as ours:
        before, after = calls(plain), calls(ours)
        print(f"{'call':26} {'moto ms':>8} {'sandbox ms':>11} {'ratio':>6}")
        ratios = []
        for name in before:
            before[name](), after[name]()
            pairs = [(seconds(before[name]), seconds(after[name])) for _ in range(rounds)]
            moto, sandboxed = (statistics.median(side) * 1000 for side in zip(*pairs, strict=True))
            ratios.append(sandboxed / moto)
            print(f"{name:26} {moto:8.2f} {sandboxed:11.2f} {ratios[-1]:6.2f}")
        print(f"{'median of the ratios':26} {'':8} {'':11} {statistics.median(ratios):6.2f}")


if __name__ == "__main__":
    main()
