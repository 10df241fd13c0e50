"""Files that are exchanged with banks: ISO 20022 pain.001 out; pain.002 and camt.053 in."""
