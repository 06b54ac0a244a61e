"""Which AWS a cell talks to: the sandbox whatever the machine is set up for, an account only if allowed."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys

import pytest
from botocore import exceptions as boto
from botocore.utils import parse_timestamp

import helpers
from helpers import (
    AccountNotAllowed,
    AwsRefused,
    CredentialsMissing,
    NameUnknown,
    RegionMissing,
    SandboxUnavailable,
    deploy,
    errors,
    open_session,
    outputs,
    overview,
    show,
    teardown,
)
from helpers.session import Session, read_time, translated, verb

ACCOUNT = "123456789012"
TIMES = [
    "2026-11-30T01:02:03Z",
    "2026-11-30T01:02:03.4Z",
    "2026-02-28T23:59:59.120Z",
    "2026-11-30T01:02:03.000456Z",
]
TIMES += [
    "2026-11-30",
    "2026-11-30T01:02:03+02:00",
    "Mon, 30 Nov 2026 01:02:03 GMT",
    "1796000000",
    1796000000.25,
]


@pytest.fixture
def here(sandbox, monkeypatch):
    """The test's sandbox is the one that sessions talk to."""
    monkeypatch.setenv("SANDBOX_ENDPOINT", sandbox.endpoint)
    monkeypatch.setenv("SANDBOX_HOME", str(sandbox.home))
    return sandbox


@pytest.fixture
def account(sandbox, monkeypatch):
    """An account that can be had without one: botocore is told that AWS answers at the sandbox's address."""
    monkeypatch.setattr(show, "_concealed", set())
    for name, value in {
        "AWS_ENDPOINT_URL": sandbox.endpoint,
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "WORKSHOP_ACCOUNT_ID": ACCOUNT,
    }.items():
        monkeypatch.setenv(name, value)
    return sandbox


def test_a_sandbox_session_shows_which_aws_it_is(here):
    shown = str(open_session(project="kites", region="eu-central-1"))
    for words in ("sandbox", here.endpoint, here.runtime, "eu-central-1", "kites"):
        assert words in shown


def test_nothing_of_the_machines_own_set_up_reaches_a_sandbox_session(here, monkeypatch, tmp_path):
    config = tmp_path / "config"
    config.write_text("[profile work]\nregion = ap-south-1\nendpoint_url = http://127.0.0.1:9\n")
    for name, value in {
        "AWS_PROFILE": "no-such-profile",
        "AWS_CONFIG_FILE": str(config),
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
        "AWS_REGION": "ap-south-1",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "AWS_USE_DUALSTACK_ENDPOINT": "true",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
        "ALL_PROXY": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    session = open_session()
    assert session.region == "us-east-1"
    assert session.aws.get_credentials().access_key == "sandbox"
    for service in ("sts", "s3", "cloudformation", "ecs"):
        assert session.client(service).meta.endpoint_url == here.endpoint
    assert session.client("sts").get_caller_identity()["Account"] == ACCOUNT
    assert "Buckets" in session.client("s3").list_buckets()


def test_without_an_endpoint_the_projects_sandbox_is_started_and_found_again(monkeypatch, tmp_path):
    home = tmp_path / "home"
    monkeypatch.delenv("SANDBOX_ENDPOINT", raising=False)
    monkeypatch.setenv("SANDBOX_HOME", str(home))
    try:
        first, again = open_session(), open_session()
        assert first.endpoint == again.endpoint
        assert first.runtime in ("process", "container")
        assert first.client("sts").get_caller_identity()["Account"] == ACCOUNT
    finally:
        subprocess.run([sys.executable, "-m", "helpers.sandbox", "stop", "--home", str(home)], check=True)


def test_an_endpoint_where_nothing_answers_is_said_at_once(monkeypatch):
    monkeypatch.setenv("SANDBOX_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(SandboxUnavailable, match="Nothing answers at") as unavailable:
        open_session()
    assert "SANDBOX_ENDPOINT" in unavailable.value.next_step


def test_a_sandbox_that_stopped_is_said_with_what_to_do():
    session = Session("sandbox", "flights", "us-east-1", "http://127.0.0.1:9", None, None)
    error = translated(boto.EndpointConnectionError(endpoint_url="http://127.0.0.1:9"), session)
    assert isinstance(error, SandboxUnavailable)
    assert "open_session" in error.next_step


@pytest.mark.parametrize(
    "project", ["A", "x", "1st", "two words", "under_score", "end-", "a--b", "a" * 21, "", "Ünder"]
)
def test_a_project_name_that_a_bucket_could_not_have_is_refused(project):
    with pytest.raises(NameUnknown, match="cannot be a project's name"):
        open_session(project=project)


def test_an_unknown_mode_names_the_two():
    with pytest.raises(NameUnknown, match="`prod`") as unknown:
        open_session(mode="prod")
    assert "sandbox" in unknown.value.next_step and "account" in unknown.value.next_step


def test_an_allowed_account_is_used_and_its_number_shown_nowhere(account):
    session = open_session(mode="account")
    assert (session.region, session.endpoint) == ("eu-west-1", None)
    assert len(overview(session)) == 8
    for shown in (str(session), repr(session), session._repr_html_()):
        assert (ACCOUNT not in shown and "costs money" in shown) or shown == repr(session)
    assert ACCOUNT not in show.discreet(f"arn:aws:iam::{ACCOUNT}:role/x")


def test_in_an_account_stacks_come_and_go_and_no_table_shows_its_number(account, capsys):
    session = open_session(mode="account", project="paid")
    stack = deploy(session, "registry", poll_seconds=0.1)
    shown = [
        str(stack),
        str(outputs(session, "registry")),
        outputs(session, "registry")._repr_html_(),
        repr(stack),
    ]
    assert stack.outputs["RepositoryArn"] == f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/paid"
    assert teardown(session, poll_seconds=0.1).clean
    assert ACCOUNT not in "".join(shown) + capsys.readouterr().out
    assert "arn:aws:ecr:eu-west-1:<account>:repository/paid" in shown[1]


@pytest.mark.parametrize("allowed", [None, "", "my-account", "12345"])
def test_without_an_allowed_account_nothing_is_called(account, monkeypatch, allowed):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # whoever calls anything fails otherwise
    monkeypatch.delenv("WORKSHOP_ACCOUNT_ID")
    if allowed is not None:
        monkeypatch.setenv("WORKSHOP_ACCOUNT_ID", allowed)
    with pytest.raises(AccountNotAllowed) as refused:
        open_session(mode="account")
    assert "WORKSHOP_ACCOUNT_ID" in refused.value.next_step


def test_another_account_is_refused_without_naming_either(account, monkeypatch):
    monkeypatch.setenv("WORKSHOP_ACCOUNT_ID", "999999999999")
    with pytest.raises(AccountNotAllowed, match="Nothing was done") as refused:
        open_session(mode="account")
    assert ACCOUNT not in str(refused.value) and "999999999999" not in str(refused.value)


def test_the_account_is_checked_again_before_every_verb(account, monkeypatch):
    session = open_session(mode="account")
    monkeypatch.setenv("WORKSHOP_ACCOUNT_ID", "999999999999")
    with pytest.raises(AccountNotAllowed):
        overview(session)


def test_an_account_needs_a_region(account, monkeypatch):
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(RegionMissing, match="No region"):
        open_session(mode="account")
    with pytest.raises(RegionMissing, match="no region `eu-moon-1`"):
        open_session(mode="account", region="eu-moon-1")
    assert open_session(mode="account", region="eu-west-2").region == "eu-west-2"


def test_an_account_needs_credentials(account, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(CredentialsMissing, match="No usable AWS credentials"):
        open_session(mode="account")
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    with pytest.raises(CredentialsMissing, match="no-such-profile"):
        open_session(mode="account")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ExpiredToken", CredentialsMissing),
        ("ExpiredTokenException", CredentialsMissing),
        ("InvalidClientTokenId", CredentialsMissing),
        ("AccessDenied", AwsRefused),
        ("ThrottlingException", AwsRefused),
        ("ValidationError", AwsRefused),
    ],
)
def test_what_aws_refuses_becomes_an_error_of_ours(code, kind):
    error = translated(boto.ClientError({"Error": {"Code": code, "Message": "why"}}, "DoIt"))
    assert type(error) is kind
    if kind is AwsRefused:
        assert (error.code, error.operation) == (code, "DoIt") and "why" in str(error)


def test_a_verb_without_a_session_says_how_it_is_written():
    @verb
    def look(session):
        return session

    with pytest.raises(NameUnknown, match="look needs the session first"):
        look("network")


def test_every_public_function_that_takes_a_session_is_guarded():
    functions = {name: getattr(helpers, name) for name in helpers.__all__}
    takes_session = {
        name
        for name, function in functions.items()
        if inspect.isfunction(function)
        and next(iter(inspect.signature(function).parameters), "") == "session"
    }
    assert {"deploy", "preview", "run_task", "follow_logs", "why", "teardown"} <= takes_session
    assert [name for name in takes_session if not hasattr(functions[name], "__wrapped__")] == []


def test_every_public_name_is_there_and_explains_itself():
    for name in helpers.__all__:
        assert inspect.getdoc(getattr(helpers, name)), name
    assert set(helpers.__all__) <= set(dir(helpers))


def test_importing_helpers_imports_no_aws_library():
    """`python -m helpers.sandbox status` and every notebook's first cell wait for what this imports."""
    code = (
        "import sys, helpers, json; print(json.dumps([m for m in ('boto3', 'IPython') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_every_error_is_one_of_ours_and_shown_in_two_lines():
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.WorkshopError)
    ]
    assert {kind.__name__ for kind in kinds} == {n for n in helpers.__all__ if n in vars(errors)}
    lines = errors.WorkshopError("It broke.", "Mend it.")._render_traceback_()
    assert len(lines) == 2 and "It broke." in lines[0] and "Mend it." in lines[1]


@pytest.mark.parametrize("value", TIMES)
def test_times_are_read_as_botocore_reads_them(value):
    ours, theirs = read_time(value), parse_timestamp(value)
    assert (ours, ours.tzinfo) == (theirs, theirs.tzinfo)


@pytest.mark.parametrize("value", ["2026-02-30T01:02:03Z", "yesterday"])
def test_no_time_is_no_time(value):
    with pytest.raises(ValueError):
        read_time(value)
