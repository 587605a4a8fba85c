"""The optimizers that MomentAdam is compared with: our own classes, and guards around those of torch and libraries."""
