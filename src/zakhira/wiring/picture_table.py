"""The picture of a transaction as the terminal shows it."""

from __future__ import annotations

from zakhira.cli.answer import Table
from zakhira.reports.spend_picture import SpendPicture, picture_rows


def picture_table(picture: SpendPicture, title: str) -> Table:
    """Bars, exact amounts and words; addresses in whole."""
    return Table(title, ("", "BTC", ""), picture_rows(picture), (1,))
