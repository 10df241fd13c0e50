"""Reserve statements: build a pack and verify it."""
