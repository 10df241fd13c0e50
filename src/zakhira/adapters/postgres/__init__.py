"""PostgreSQL: an embedded or a given server, and the books in it."""
