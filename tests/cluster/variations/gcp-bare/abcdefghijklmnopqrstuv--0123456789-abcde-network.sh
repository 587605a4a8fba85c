#!/bin/sh
# Rendered by `adamant cluster render`; edit the cluster file and render again.
# Once, before the first `ray up`: a network that the stated range alone reaches, by SSH, and service accounts.
set -eu
gcloud --quiet --project=1 compute networks create adamant-abcdefghijklmnopqrstuv--0123456789-abcde --subnet-mode=custom
gcloud --quiet --project=1 compute networks subnets create adamant-abcdefghijklmnopqrstuv--0123456789-abcde --network=adamant-abcdefghijklmnopqrstuv--0123456789-abcde --region=on --range=10.64.0.0/20
gcloud --quiet --project=1 compute firewall-rules create adamant-abcdefghijklmnopqrstuv--0123456789-abcde-ssh --network=adamant-abcdefghijklmnopqrstuv--0123456789-abcde --allow=tcp:22 --source-ranges=2001:db8::/32 --target-tags=adamant-abcdefghijklmnopqrstuv--0123456789-abcde
gcloud --quiet --project=1 compute firewall-rules create adamant-abcdefghijklmnopqrstuv--0123456789-abcde-nodes --network=adamant-abcdefghijklmnopqrstuv--0123456789-abcde --allow=all --source-tags=adamant-abcdefghijklmnopqrstuv--0123456789-abcde --target-tags=adamant-abcdefghijklmnopqrstuv--0123456789-abcde
gcloud --quiet --project=1 iam service-accounts create abcdefghijklmnopqrstuv-head
gcloud --quiet --project=1 iam service-accounts create abcdefghijklmnopqrstuv-worker
gcloud --quiet --project=1 iam roles create adamant_abcdefghijklmnopqrstuv__0123456789_abcde --title=adamant-abcdefghijklmnopqrstuv--0123456789-abcde --permissions=compute.instances.create,compute.instances.delete,compute.instances.setLabels,compute.instances.setMetadata,compute.instances.setServiceAccount,compute.instances.setTags,compute.disks.create,compute.disks.setLabels
gcloud --quiet --project=1 projects add-iam-policy-binding 1 --member=serviceAccount:abcdefghijklmnopqrstuv-head@1.iam.gserviceaccount.com --role=projects/1/roles/adamant_abcdefghijklmnopqrstuv__0123456789_abcde '--condition=title=workers,expression=resource.name.startsWith('"'"'projects/1/zones/1.0/instances/ray-abcdefghijklmnopqrstuv--0123456789-abcde-worker-'"'"') || resource.name.startsWith('"'"'projects/1/zones/1.0/disks/ray-abcdefghijklmnopqrstuv--0123456789-abcde-worker-'"'"')'
gcloud --quiet --project=1 projects add-iam-policy-binding 1 --member=serviceAccount:abcdefghijklmnopqrstuv-head@1.iam.gserviceaccount.com --role=roles/compute.viewer --condition=None
gcloud --quiet --project=1 projects add-iam-policy-binding 1 --member=serviceAccount:abcdefghijklmnopqrstuv-head@1.iam.gserviceaccount.com --role=roles/compute.imageUser --condition=None
gcloud --quiet --project=1 compute networks subnets add-iam-policy-binding adamant-abcdefghijklmnopqrstuv--0123456789-abcde --region=on --member=serviceAccount:abcdefghijklmnopqrstuv-head@1.iam.gserviceaccount.com --role=roles/compute.networkUser
gcloud --quiet --project=1 iam service-accounts add-iam-policy-binding abcdefghijklmnopqrstuv-worker@1.iam.gserviceaccount.com --member=serviceAccount:abcdefghijklmnopqrstuv-head@1.iam.gserviceaccount.com --role=roles/iam.serviceAccountUser
