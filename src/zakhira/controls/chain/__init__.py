"""The audit chain: headers, leaves, links, and what is held against them."""
