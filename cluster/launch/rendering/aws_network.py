"""A CloudFormation template of the security group and the roles of a cluster on AWS.

Ray would make both itself, but its group opens SSH to the whole world whatever the `ray up` file says, and its role may
do anything with EC2 and S3.
"""

from __future__ import annotations

from typing import Any

from cluster.launch.cluster_file import AwsCluster


def template(cluster: AwsCluster) -> dict[str, Any]:
    """For the region's default VPC."""
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Adamant cluster {cluster.name}",
        "Resources": {
            "Group": {
                "Type": "AWS::EC2::SecurityGroup",
                "Properties": {
                    "GroupDescription": f"SSH to {cluster.name} from one range, and all traffic among its nodes",
                    "SecurityGroupIngress": [
                        {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, **_range(cluster.ssh_from)},
                    ],
                },
            },
            "AmongNodes": {
                "Type": "AWS::EC2::SecurityGroupIngress",
                "Properties": {
                    "GroupId": {"Fn::GetAtt": ["Group", "GroupId"]},
                    "SourceSecurityGroupId": {"Fn::GetAtt": ["Group", "GroupId"]},
                    "IpProtocol": "-1",
                },
            },
            **_role(cluster, "Worker", _storage(cluster)),
            **_role(cluster, "Head", [*_storage(cluster), *_launching(cluster)]),
        },
        "Outputs": {"SecurityGroup": {"Value": {"Fn::GetAtt": ["Group", "GroupId"]}}},
    }


def _range(given: str) -> dict[str, str]:
    return {"CidrIpv6" if ":" in given else "CidrIp": given}


def _role(cluster: AwsCluster, name: str, statements: list[dict[str, Any]]) -> dict[str, Any]:
    """A role and the instance profile that the `ray up` file names. A role may be allowed nothing."""
    properties: dict[str, Any] = {
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ],
        }
    }
    if statements:
        policy = {"Version": "2012-10-17", "Statement": statements}
        properties["Policies"] = [{"PolicyName": "adamant", "PolicyDocument": policy}]
    return {
        f"{name}Role": {"Type": "AWS::IAM::Role", "Properties": properties},
        f"{name}Profile": {
            "Type": "AWS::IAM::InstanceProfile",
            "Properties": {
                "InstanceProfileName": f"adamant-{cluster.name}-{name.lower()}",
                "Roles": [{"Ref": f"{name}Role"}],
            },
        },
    }


def _storage(cluster: AwsCluster) -> list[dict[str, Any]]:
    scheme, _, place = cluster.storage.artifacts.partition("://")
    if scheme != "s3":
        return []
    bucket, _, folder = place.partition("/")
    objects = "/".join(filter(None, (bucket, folder, "*")))
    return [
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
            "Resource": f"arn:aws:s3:::{objects}",
        },
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}"},
    ]


def _launching(cluster: AwsCluster) -> list[dict[str, Any]]:
    """What Ray's autoscaler does on the head."""
    return [
        {
            "Effect": "Allow",
            "Action": ["ec2:RunInstances", "ec2:CreateTags", "ec2:Describe*"],
            "Resource": "*",
        },
        {
            "Effect": "Allow",
            "Action": ["ec2:TerminateInstances", "ec2:DeleteTags"],
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:ResourceTag/ray-cluster-name": cluster.name}},
        },
        {"Effect": "Allow", "Action": "iam:PassRole", "Resource": {"Fn::GetAtt": ["WorkerRole", "Arn"]}},
    ]
