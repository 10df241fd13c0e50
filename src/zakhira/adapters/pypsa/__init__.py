"""PyPSA networks both ways: the price taker's problem written as one, and the surplus of a solved one read."""
