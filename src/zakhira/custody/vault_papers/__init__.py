"""What goes out to other programs about a vault, and comes in from them: one file for each format."""
