"""The allocation problem, its exact optimum and its certificate."""
