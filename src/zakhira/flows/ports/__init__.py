"""Protocols of the use cases: what a flow asks of the outside."""
