"""One module or folder per outside thing."""
