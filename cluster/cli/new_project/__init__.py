"""What `adamant new` copies: an optimizer, a workload, a sweep and tests."""
