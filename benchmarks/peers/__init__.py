"""Waypost's retrieval beside other libraries', on the same texts, weights and machine; see ``__main__`` for how to run it."""
