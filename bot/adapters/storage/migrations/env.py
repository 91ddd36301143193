"""Alembic's environment: the connection comes from :mod:`bot.adapters.storage.migrate`."""

from alembic import context

from bot.adapters.storage.migrate import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata(),
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
