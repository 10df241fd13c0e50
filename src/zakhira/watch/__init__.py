"""The watchtower: its own verdict on every coin that moves, from the chain and the signatures alone."""
