"""The outside world: one module per library, the only importer of it."""
