"""Meter readings to pool payments, royalties, rent and invoices."""
