"""AI halls: power, revenue and firm supply."""
