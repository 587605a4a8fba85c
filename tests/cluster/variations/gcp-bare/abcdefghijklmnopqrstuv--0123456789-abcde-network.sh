#!/bin/sh
# Rendered by `adamant cluster render`; edit the cluster file and render again.
# Once, before the first `ray up`: a network that the stated range alone reaches, by SSH, and service accounts.
set -eu
gcloud --quiet '--project=é' compute networks create adamant-abcdefghijklmnopqrstuv--0123456789-abcde --subnet-mode=custom
gcloud --quiet '--project=é' compute networks subnets create adamant-abcdefghijklmnopqrstuv--0123456789-abcde --network=adamant-abcdefghijklmnopqrstuv--0123456789-abcde --region=on --range=10.64.0.0/20
gcloud --quiet '--project=é' compute firewall-rules create adamant-abcdefghijklmnopqrstuv--0123456789-abcde-ssh --network=adamant-abcdefghijklmnopqrstuv--0123456789-abcde --allow=tcp:22 --source-ranges=2001:db8::/32 --target-tags=adamant-abcdefghijklmnopqrstuv--0123456789-abcde
gcloud --quiet '--project=é' compute firewall-rules create adamant-abcdefghijklmnopqrstuv--0123456789-abcde-nodes --network=adamant-abcdefghijklmnopqrstuv--0123456789-abcde --allow=all --source-tags=adamant-abcdefghijklmnopqrstuv--0123456789-abcde --target-tags=adamant-abcdefghijklmnopqrstuv--0123456789-abcde
gcloud --quiet '--project=é' iam service-accounts create abcdefghijklmnopqrstuv-head
gcloud --quiet '--project=é' iam service-accounts create abcdefghijklmnopqrstuv-worker
gcloud --quiet '--project=é' projects add-iam-policy-binding 'é' '--member=serviceAccount:abcdefghijklmnopqrstuv-head@é.iam.gserviceaccount.com' --role=roles/compute.instanceAdmin.v1 --condition=None
gcloud --quiet '--project=é' iam service-accounts add-iam-policy-binding 'abcdefghijklmnopqrstuv-worker@é.iam.gserviceaccount.com' '--member=serviceAccount:abcdefghijklmnopqrstuv-head@é.iam.gserviceaccount.com' --role=roles/iam.serviceAccountUser
