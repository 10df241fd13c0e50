"""Roles, quorums, the approval state machine and the audit chain."""
