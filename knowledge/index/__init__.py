"""Passages as vectors: the encoder, its weights, and the index that is searched."""
