"""Sheets on paper: the backup sheet of a vault as PDF (fpdf2), and its codes read back from pictures."""
