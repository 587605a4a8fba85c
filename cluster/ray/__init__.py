"""Ray as a sweep needs it: the session, the cluster's capacity, schedulers, and a simulation of both."""
