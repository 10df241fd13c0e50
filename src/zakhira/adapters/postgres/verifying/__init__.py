"""The whole store computed anew in one snapshot, chunk by chunk, in columns: for ledgers that no memory holds."""
