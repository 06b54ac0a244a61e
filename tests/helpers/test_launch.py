"""deploy, against a CloudFormation that plays scripts: what it calls, what it waits for, what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers import AwsRefused, Interrupted, NameUnknown, StackFailed, StillWorking, deploy, launch, stacks
from helpers.stacks import StackEvent
from tests.helpers.fakes import FakeCloudFormation, session_with

CREATED = [
    ("", "CREATE_IN_PROGRESS", "User Initiated"),
    ("Topic", "CREATE_IN_PROGRESS", ""),
    ("Topic", "CREATE_COMPLETE", ""),
    ("", "CREATE_COMPLETE", ""),
]
UPDATED = [("", "UPDATE_IN_PROGRESS", "User Initiated"), ("", "UPDATE_COMPLETE", "")]
DELETED = [("", "DELETE_IN_PROGRESS", "User Initiated"), ("", "DELETE_COMPLETE", "")]
FAILED = [
    ("", "CREATE_IN_PROGRESS", "User Initiated"),
    ("Topic", "CREATE_FAILED", "the name is taken"),
    ("Queue", "CREATE_FAILED", "Resource creation cancelled"),
    ("", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [Queue, Topic]."),
    ("", "ROLLBACK_COMPLETE", ""),
]
TEMPLATE = """
Parameters:
  Size: {Type: String, Default: small}
  Colour: {Type: String, Default: red}
Resources:
  Topic: {Type: AWS::SNS::Topic}
"""


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "my_topic.yaml"
    path.write_text(TEMPLATE)
    return path


def run(cloudformation: FakeCloudFormation, template: Path, parameters=None, **more):
    return deploy(session_with(cloudformation=cloudformation), template, parameters, poll_seconds=0, **more)


def test_a_new_stack_is_created_and_named_after_its_file(template):
    cloudformation = FakeCloudFormation(create=CREATED)
    stack = run(cloudformation, template, {"Size": "large"})
    assert (stack.name, stack.status, stack.changed) == ("flights-my-topic", "CREATE_COMPLETE", True)
    assert cloudformation.calls == ["create"]
    assert cloudformation.find("flights-my-topic").parameters == {"Size": "large"}


def test_what_is_not_given_keeps_its_value_and_none_takes_the_default_again(template):
    cloudformation = FakeCloudFormation(update=UPDATED)
    old = cloudformation.add(
        "flights-my-topic", "CREATE_COMPLETE", parameters={"Size": "large", "Colour": "blue"}
    )
    run(cloudformation, template, {"Colour": "green"})
    assert old.parameters == {"Size": "large", "Colour": "green"}
    run(cloudformation, template, {"Size": None})
    assert old.parameters == {"Colour": "green"}


def test_nothing_to_update_is_a_result(template):
    cloudformation = FakeCloudFormation()
    cloudformation.add("flights-my-topic", "UPDATE_COMPLETE", parameters={"Size": "large"})
    stack = run(cloudformation, template)
    assert stack.changed is False
    assert "no changes" in str(stack)


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS", "DELETE_FAILED"])
def test_a_stack_that_can_only_be_deleted_is_replaced(template, status, capsys):
    cloudformation = FakeCloudFormation(delete=DELETED, create=CREATED)
    cloudformation.add("flights-my-topic", status)
    assert run(cloudformation, template).status == "CREATE_COMPLETE"
    assert cloudformation.calls == ["delete", "create"]
    assert f"is in {status}" in capsys.readouterr().out


def test_others_at_work_are_awaited_and_then_it_goes_on(template, capsys):
    cloudformation = FakeCloudFormation(update=UPDATED)
    other = cloudformation.add("flights-my-topic", "CREATE_IN_PROGRESS", parameters={"Size": "small"})
    other.script = [("Topic", "CREATE_COMPLETE", ""), ("", "CREATE_COMPLETE", "")]
    assert run(cloudformation, template, {"Size": "large"}).status == "UPDATE_COMPLETE"
    assert cloudformation.calls == ["update"]
    assert "work on it is under way" in capsys.readouterr().out


def test_losing_the_race_to_create_it_means_waiting_too(template):
    """Between the look and the call another notebook creates the stack: AWS says AlreadyExistsException."""

    class Raced(FakeCloudFormation):
        def create_stack(self, **request):
            if not self.stacks:
                other = self.add("flights-my-topic", "CREATE_IN_PROGRESS", parameters={"Size": "small"})
                other.script = CREATED[1:]
            return super().create_stack(**request)

    cloudformation = Raced(update=UPDATED)
    assert run(cloudformation, template, {"Size": "large"}).status == "UPDATE_COMPLETE"


def test_a_failure_names_the_first_resource_and_not_its_consequences(template):
    with pytest.raises(StackFailed) as failed:
        run(FakeCloudFormation(create=FAILED), template)
    assert (failed.value.resource, failed.value.reason) == ("Topic", "the name is taken")
    assert failed.value.status == "ROLLBACK_COMPLETE"
    assert f'deploy(session, "{template}") again' in failed.value.next_step


def test_a_template_of_the_project_is_named_from_its_folder():
    wanted = stacks.target(session_with(), stacks.CFN / "storage.yaml")
    assert launch.named(wanted) == "cfn/storage.yaml"
    assert launch.named(stacks.target(session_with(), "flights-storage")) == "storage"


def test_events_of_an_earlier_failure_are_not_blamed(template):
    """A stack that failed to update before has old failures in its history."""
    cloudformation = FakeCloudFormation(
        update=[
            ("", "UPDATE_IN_PROGRESS", "User Initiated"),
            ("New", "UPDATE_FAILED", "new"),
            ("", "UPDATE_FAILED", ""),
        ]
    )
    stack = cloudformation.add("flights-my-topic", "UPDATE_ROLLBACK_COMPLETE", parameters={"Size": "a"})
    stack.script = [("Old", "UPDATE_FAILED", "old")]
    cloudformation.advance(stack)
    with pytest.raises(StackFailed) as failed:
        run(cloudformation, template, {"Size": "b"})
    assert failed.value.resource == "New"


def test_a_wait_that_is_over_says_so(template):
    forever = [("", "CREATE_IN_PROGRESS", "User Initiated"), *[("Topic", "CREATE_IN_PROGRESS", "")] * 50_000]
    with pytest.raises(StillWorking, match="CREATE_IN_PROGRESS"):
        run(FakeCloudFormation(create=forever), template, timeout_minutes=0.002)


def test_ctrl_c_leaves_the_stack_at_work_and_says_how_to_go_on(template):
    class Stopped(FakeCloudFormation):
        def list_stack_resources(self, StackName):
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="goes on") as interrupted:
        run(Stopped(create=CREATED), template)
    assert "deploy(session" in interrupted.value.next_step
    assert isinstance(interrupted.value, KeyboardInterrupt)


def test_an_unknown_parameter_is_an_error_before_any_call(template):
    cloudformation = FakeCloudFormation()
    with pytest.raises(NameUnknown, match="Colr") as unknown:
        run(cloudformation, template, {"Colr": "red"})
    assert "Size, Colour" in unknown.value.next_step
    assert cloudformation.calls == []


def test_the_project_comes_from_the_session():
    with pytest.raises(NameUnknown, match="comes from the session"):
        deploy(session_with(), "storage", {"Project": "other"})


def test_a_refused_call_keeps_its_code_and_says_what_to_do(template):
    from tests.helpers.fakes import refusal

    class Refusing(FakeCloudFormation):
        def create_stack(self, **request):
            raise refusal("ValidationError", "Parameter 'Size' must be one of AllowedValues", "CreateStack")

    with pytest.raises(AwsRefused) as refused:
        run(Refusing(), template)
    assert (refused.value.code, refused.value.operation) == ("ValidationError", "CreateStack")
    assert "explain(" in refused.value.next_step and '"Size"' in refused.value.next_step


def test_an_update_during_an_update_refused_for_another_reason_is_not_tried_for_ever(template):
    from tests.helpers.fakes import refusal

    class Refusing(FakeCloudFormation):
        def create_stack(self, **request):
            raise refusal("ValidationError", "S3 object template.yaml does not exist", "CreateStack")

    with pytest.raises(AwsRefused):
        run(Refusing(), template)


@pytest.mark.parametrize(
    ("value", "text"), [(512, "512"), (True, "true"), (["a", "b"], "a,b"), ("x", "x"), (0.5, "0.5")]
)
def test_values_become_text_as_cloudformation_takes_it(value, text):
    assert launch.as_text(value) == text


def test_the_first_failure_is_the_oldest_that_was_not_cancelled():
    def event(resource, status, reason=""):
        return StackEvent(resource, "T", status, reason, None)

    events = [
        event("B", "CREATE_FAILED", "Resource creation cancelled"),
        event("A", "CREATE_FAILED", "boom"),
        event("s", "CREATE_FAILED", "The following resource(s) failed to create: [A, B]."),
    ]
    assert launch.first_failure(events, "s").resource == "A"
    assert launch.first_failure(events[2:], "s").resource == "s"
    assert launch.first_failure([], "s") is None


def test_a_missing_export_is_answered_with_the_stack_that_gives_it():
    advice = launch.advice(session_with(), "flights-task", "No export named flights-RepositoryName found")
    assert 'deploy(session, "registry")' in advice
