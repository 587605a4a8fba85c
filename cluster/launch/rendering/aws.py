"""AWS: a `ray up` file, and the CloudFormation template of what must stand before it."""

from __future__ import annotations

from typing import Any

from cluster.launch.cluster_file import AwsCluster, Machines
from cluster.launch.rendering.aws_network import template
from cluster.launch.rendering.cloud import DISK_GB, HEAD, NOTES, counts, launcher, node_types
from cluster.launch.rendering.shared_settings import TITLE, commented

PACKAGES = ("boto3==1.44.8",)


def render(cluster: AwsCluster) -> dict[str, str]:
    """File names and their text."""
    workers = {name: _machine(cluster, kind.machine, kind) for name, kind in cluster.workers.items()}
    auth = {"ssh_user": cluster.ssh_user} | ({"ssh_private_key": str(cluster.ssh_key)} if cluster.ssh_key else {})
    data = {
        "cluster_name": cluster.name,
        "provider": {
            "type": "aws",
            "region": cluster.region,
            "availability_zone": cluster.zone,
            # A stopped machine would come back without its mounts, and its disk costs while it is stopped.
            "cache_stopped_nodes": False,
        },
        "auth": auth,
        **counts(cluster),
        "head_node_type": HEAD,
        "available_node_types": node_types(cluster, _machine(cluster, cluster.head.machine, None), workers),
        **launcher(cluster, PACKAGES),
    }
    network = (
        f"{TITLE}\nOnce, before the first `ray up`:\n"
        f"  aws cloudformation deploy --stack-name adamant-{cluster.name} --region {cluster.region} "
        f"--capabilities CAPABILITY_NAMED_IAM --template-file {cluster.name}-network.yaml\n"
        "Its output SecurityGroup belongs into the cluster file, as security_group:\n"
        f"  aws cloudformation describe-stacks --stack-name adamant-{cluster.name} --region {cluster.region} "
        "--query 'Stacks[0].Outputs'"
    )
    return {
        f"{cluster.name}.yaml": commented(data, NOTES),
        f"{cluster.name}-network.yaml": commented(template(cluster), {}, network),
    }


def _machine(cluster: AwsCluster, machine: str, kind: Machines | None) -> dict[str, Any]:
    """Parameters of EC2's RunInstances; of the head without ``kind``."""
    config: dict[str, Any] = {
        "InstanceType": machine,
        "ImageId": cluster.image,
        "IamInstanceProfile": {"Name": f"adamant-{cluster.name}-{'worker' if kind else 'head'}"},
        "SecurityGroupIds": [cluster.security_group],
        "MetadataOptions": {"HttpTokens": "required", "HttpEndpoint": "enabled"},
        "BlockDeviceMappings": [
            {
                "DeviceName": "/dev/sda1",
                "Ebs": {"VolumeSize": DISK_GB, "VolumeType": "gp3", "Encrypted": True, "DeleteOnTermination": True},
            }
        ],
    }
    if cluster.ssh_key:
        config["KeyName"] = cluster.ssh_key.stem
    if kind and kind.spot:
        config["InstanceMarketOptions"] = {"MarketType": "spot"}
    return config
