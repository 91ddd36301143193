"""The database: SQLAlchemy behind the ports of :mod:`bot.service.ports`; SQLite or PostgreSQL, the same queries."""
