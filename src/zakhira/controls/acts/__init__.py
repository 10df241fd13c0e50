"""Signed acts of authority: motions, freezes, revocations and enrolments, checked from their signatures alone."""
