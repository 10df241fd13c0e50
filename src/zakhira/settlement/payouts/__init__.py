"""Payouts: campaigns with an asset and limits, batches of rows, and what is checked before anybody is paid."""
