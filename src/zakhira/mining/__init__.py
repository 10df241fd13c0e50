"""Network economics: difficulty, subsidy, fees, share and the coins that work earns."""
