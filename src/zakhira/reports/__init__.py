"""What a report says, as data: tables, series and sentences."""
