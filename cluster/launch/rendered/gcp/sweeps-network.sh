#!/bin/sh
# Rendered by `adamant cluster render`; edit the cluster file and render again.
# Once, before the first `ray up`: a network that the stated range alone reaches, by SSH, and service accounts.
set -eu
gcloud --quiet --project=my-project compute networks create adamant-sweeps --subnet-mode=custom
gcloud --quiet --project=my-project compute networks subnets create adamant-sweeps --network=adamant-sweeps --region=us-central1 --range=10.64.0.0/20
gcloud --quiet --project=my-project compute firewall-rules create adamant-sweeps-ssh --network=adamant-sweeps --allow=tcp:22 --source-ranges=203.0.113.7/32 --target-tags=adamant-sweeps
gcloud --quiet --project=my-project compute firewall-rules create adamant-sweeps-nodes --network=adamant-sweeps --allow=all --source-tags=adamant-sweeps --target-tags=adamant-sweeps
gcloud --quiet --project=my-project iam service-accounts create sweeps-head
gcloud --quiet --project=my-project iam service-accounts create sweeps-worker
gcloud --quiet --project=my-project iam roles create adamant_sweeps --title=adamant-sweeps --permissions=compute.instances.create,compute.instances.delete,compute.instances.setLabels,compute.instances.setMetadata,compute.instances.setServiceAccount,compute.instances.setTags,compute.disks.create,compute.disks.setLabels
gcloud --quiet --project=my-project projects add-iam-policy-binding my-project --member=serviceAccount:sweeps-head@my-project.iam.gserviceaccount.com --role=projects/my-project/roles/adamant_sweeps '--condition=title=workers,expression=resource.name.startsWith('"'"'projects/my-project/zones/us-central1-a/instances/ray-sweeps-worker-'"'"') || resource.name.startsWith('"'"'projects/my-project/zones/us-central1-a/disks/ray-sweeps-worker-'"'"')'
gcloud --quiet --project=my-project projects add-iam-policy-binding my-project --member=serviceAccount:sweeps-head@my-project.iam.gserviceaccount.com --role=roles/compute.viewer --condition=None
gcloud --quiet --project=my-project projects add-iam-policy-binding my-project --member=serviceAccount:sweeps-head@my-project.iam.gserviceaccount.com --role=roles/compute.imageUser --condition=None
gcloud --quiet --project=my-project compute networks subnets add-iam-policy-binding adamant-sweeps --region=us-central1 --member=serviceAccount:sweeps-head@my-project.iam.gserviceaccount.com --role=roles/compute.networkUser
gcloud --quiet --project=my-project iam service-accounts add-iam-policy-binding sweeps-worker@my-project.iam.gserviceaccount.com --member=serviceAccount:sweeps-head@my-project.iam.gserviceaccount.com --role=roles/iam.serviceAccountUser
gcloud --quiet --project=my-project storage buckets add-iam-policy-binding gs://my-bucket --member=serviceAccount:sweeps-head@my-project.iam.gserviceaccount.com --role=roles/storage.objectAdmin
gcloud --quiet --project=my-project storage buckets add-iam-policy-binding gs://my-bucket --member=serviceAccount:sweeps-worker@my-project.iam.gserviceaccount.com --role=roles/storage.objectAdmin
