"""The sweeps of a storage folder as things: how they stand, what they take, and taking them away."""
