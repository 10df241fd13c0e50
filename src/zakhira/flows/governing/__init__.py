"""Authority over time: versions of the policy, freezes, and the keys of officers."""
