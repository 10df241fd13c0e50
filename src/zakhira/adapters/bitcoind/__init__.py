"""bitcoind: a private node that is started and driven, and any node that is only read."""
