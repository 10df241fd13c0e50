"""Books held against the world: the chain, the meters and the bank; each difference is a case."""
