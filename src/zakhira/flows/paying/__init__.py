"""Payouts in use: campaigns, batches, words of officers, the second person, release in parts, and the stop."""
