"""Waypost: a Telegram assistant that answers from an organisation's own guidance, and hands over to people."""

__version__ = "0.1.0"
