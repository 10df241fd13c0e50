"""Accounts, postings, lots, balances and statements."""
