"""Hardware signers by USB through HWI: plain multisig alone, as HWI supports."""
