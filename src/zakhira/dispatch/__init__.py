"""Schedule and set-points from plan and readings: a pure, deterministic decision."""
