"""Use cases that join rooms."""
