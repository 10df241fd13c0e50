"""Money, UTC intervals, ids, canonical bytes, signatures and the base error: rank 0."""
