"""Keeping the books by hand: journals, reversals, bounds and freezes of accounts, closed periods."""
