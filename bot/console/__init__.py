"""The web console: the desk, the Ask page, the library and the figures, for people of the staff with a browser."""
