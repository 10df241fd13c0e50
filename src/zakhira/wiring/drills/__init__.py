"""Drills: procedures and attacks carried out on regtest under a programme's own policy."""
