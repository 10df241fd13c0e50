"""The allocation as one plain linear programme over all hours and scenarios: a file for each group of rows."""
