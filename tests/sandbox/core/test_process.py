"""The sandbox as a process: started, found, stopped, killed, in each other's way."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

ROOT = Path(__file__).resolve().parents[3]


def cli(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "helpers.sandbox", arguments[0], "--home", str(home), *arguments[1:]]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=90)


def wait_until(condition, seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_status_as_json_says_at_least_what_is_promised(fresh_sandbox):
    box = fresh_sandbox()
    status = json.loads(cli(box.home, "status", "--json").stdout)
    assert status["running"] is True
    assert status["endpoint"] == box.endpoint
    assert status["runtime"] in ("process", "container")
    box.stop()
    assert json.loads(cli(box.home, "status", "--json").stdout)["running"] is False


def test_it_listens_on_loopback_alone(fresh_sandbox):
    box = fresh_sandbox()
    port = int(box.endpoint.rpartition(":")[2])
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in others - {"127.0.0.1", "127.0.1.1"}:
        with socket.socket() as probe:
            probe.settimeout(1)
            assert probe.connect_ex((address, port)) != 0


def test_a_busy_port_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = cli(tmp_path / "home", "start", "--port", port)
    assert done.returncode == 1
    assert f"Port {port} is in use" in done.stderr
    assert "--port" in done.stderr


def test_two_starts_at_once_give_one_sandbox(tmp_path):
    home = tmp_path / "home"
    command = [sys.executable, "-m", "helpers.sandbox", "start", "--home", str(home), "--json"]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        first, second = (json.loads(process.communicate(timeout=90)[0]) for process in both)
        assert first["pid"] == second["pid"]
    finally:
        cli(home, "stop")


def test_what_it_holds_survives_stop_and_kill_9(fresh_sandbox):
    box = fresh_sandbox()
    box.client("s3").create_bucket(Bucket="kept-bucket")
    box.client("s3").put_object(Bucket="kept-bucket", Key="k", Body=b"x" * 100_000)
    box.stop()
    box.start_by_command()
    vpc = box.client("ec2").create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    box.saved()
    os.kill(box.pid, signal.SIGKILL)
    assert wait_until(lambda: not json.loads(cli(box.home, "status", "--json").stdout)["running"])
    box.start_by_command()
    assert box.client("ec2").describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["CidrBlock"] == "10.9.0.0/16"
    assert len(box.client("s3").get_object(Bucket="kept-bucket", Key="k")["Body"].read()) == 100_000


def test_reset_forgets_everything_and_goes_on_at_the_same_address(fresh_sandbox):
    box = fresh_sandbox()
    box.client("s3").create_bucket(Bucket="gone-bucket")
    before = box.endpoint
    assert cli(box.home, "reset").returncode == 0
    assert json.loads(cli(box.home, "status", "--json").stdout)["endpoint"] == before
    assert box.client("s3").list_buckets()["Buckets"] == []


def test_state_that_cannot_be_read_is_set_aside_not_deleted(fresh_sandbox):
    box = fresh_sandbox()
    box.stop()
    (box.home / "state.pickle").write_bytes(b"not a pickle")
    box.start_by_command()
    aside = list(box.home.glob("state.*.unusable"))
    assert [path.read_bytes() for path in aside] == [b"not a pickle"]


@pytest.mark.parametrize("headers", [{"Origin": "https://example.com"}, {"Host": "attacker.example"}])
def test_web_pages_are_turned_away(sandbox, headers):
    request = urllib.request.Request(f"{sandbox.endpoint}/", headers=headers)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=60)
    assert refused.value.code == 403


def test_control_needs_the_token(sandbox):
    request = urllib.request.Request(f"{sandbox.endpoint}/_sandbox/control/stop", method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=60)
    assert refused.value.code == 403
    assert sandbox.client("sts").get_caller_identity()["Account"]


def test_what_nobody_simulates_is_refused_by_name(sandbox):
    """moto knows IAM, but not this operation; the answer must be an AWS error, not a page about Python."""
    with pytest.raises(ClientError) as refused:
        sandbox.client("iam").simulate_principal_policy(
            PolicySourceArn="arn:aws:iam::123456789012:role/x", ActionNames=["s3:GetObject"]
        )
    assert refused.value.response["Error"]["Code"] == "NotImplementedException"
    assert "SimulatePrincipalPolicy of iam" in refused.value.response["Error"]["Message"]
