"""Use cases: each knows the domain and the ports, never a library."""
