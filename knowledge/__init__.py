"""Documents that may be shown: read, checked, cut into passages, kept in the database and found again.

Imports neither ``bot`` nor ``policies``.
"""
