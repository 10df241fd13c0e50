"""Descriptors, vaults, spend construction and the two decoders."""
