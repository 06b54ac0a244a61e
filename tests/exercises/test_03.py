"""The exercises of 03, each with wrong answers that look right."""

from __future__ import annotations

from pathlib import Path

from helpers import Session, deploy

from .trying import ask, try_out

ROLE = """
Parameters: {{ Project: {{ Type: String }} }}
Resources:
  AuditorRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{{ Effect: Allow, Principal: {trust}, Action: sts:AssumeRole }}]
      Policies:
        - PolicyName: read
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - Effect: Allow
                Action: {action}
                Resource: !Sub
                  - {resource}
                  - Bucket: !ImportValue {{ "Fn::Sub": "${{Project}}-DataBucketArn" }}
Outputs:
  AuditorRoleArn:
    Value: {value}
    Export: {{ Name: !Sub "${{Project}}-AuditorRoleArn" }}
"""
ACCOUNT = '{ AWS: !Ref "AWS::AccountId" }'
ANYBODY = '{ AWS: "*" }'
ECS = "{ Service: ecs-tasks.amazonaws.com }"


def test_a_a_role_for_the_auditors(session: Session) -> None:
    deploy(session, "roles")

    def deployed(
        action: str = "s3:GetObject",
        resource: str = "${Bucket}/reports/*",
        trust: str = ACCOUNT,
        value: str = "!GetAtt AuditorRole.Arn",
    ) -> None:
        Path("auditor.yaml").write_text(
            ROLE.format(action=action, resource=resource, trust=trust, value=value)
        )
        deploy(session, "auditor.yaml")

    def the_jobs_own_role(session: Session) -> None:
        deployed(value='!ImportValue { "Fn::Sub": "${Project}-TaskRoleArn" }')

    def the_roles_name(session: Session) -> None:
        deployed(value="!Ref AuditorRole")

    def without_the_slash(session: Session) -> None:
        deployed(resource="${Bucket}/reports*")

    def the_whole_bucket(session: Session) -> None:
        deployed(resource="${Bucket}/*")

    def one_file(session: Session) -> None:
        deployed(resource="${Bucket}/reports/2013-01-01.csv")

    def everything_that_reads(session: Session) -> None:
        deployed(action='"s3:Get*"')

    def listing_too(session: Session) -> None:
        deployed(action="[s3:GetObject, s3:ListBucket]", resource="${Bucket}*")

    def writing_instead(session: Session) -> None:
        deployed(action="s3:PutObject")

    def for_the_world(session: Session) -> None:
        deployed(trust=ANYBODY)

    def for_tasks(session: Session) -> None:
        deployed(trust=ECS)

    wrong = [
        the_jobs_own_role,
        the_roles_name,
        without_the_slash,
        the_whole_bucket,
        one_file,
        everything_that_reads,
        listing_too,
        writing_instead,
        for_the_world,
        for_tasks,
    ]
    try_out(session, "03-a", wrong)


def test_a_second_policy_behind_the_stacks_back_is_seen(session: Session) -> None:
    """In its own test, because it begins where the solution ended."""
    from helpers.exercises import check

    iam = session.client("iam")
    deploy(session, "roles")
    text = ROLE.format(
        action="s3:GetObject",
        resource="${Bucket}/reports/*",
        trust=ACCOUNT,
        value="!GetAtt AuditorRole.Arn",
    )
    Path("auditor.yaml").write_text(text)
    role = deploy(session, "auditor.yaml").resources["AuditorRole"].physical_id
    assert check("03-a", session=session).solved
    document = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'
    )
    arn = iam.create_policy(PolicyName=f"{session.project}-more", PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    seen = check("03-a", session=session)
    iam.detach_role_policy(RoleName=role, PolicyArn=arn)
    iam.delete_policy(PolicyArn=arn)
    assert not seen.solved
    assert "departures" in str(seen)


def test_b_who_may_hand_the_jobs_role_on(session: Session) -> None:
    ask(session, "03-b")


def test_c_which_role_is_missing_something(session: Session) -> None:
    ask(session, "03-c")
