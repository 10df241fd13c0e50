"""The programme file: typed, validated, with units."""
