"""Write the next migration: the difference between a database at the newest one and the tables in the code."""

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config

from bot.adapters.storage import migrate
from bot.adapters.storage.engine import open_engine


def main() -> int:
    """Number the migration after the newest and name it after the message."""
    message = " ".join(sys.argv[1:]).strip()
    if not message:
        print('Say what changes: make migration m="add case priority"', file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{Path(folder) / 'empty.db'}")
        migrate.upgrade(engine)
        with engine.begin() as connection:
            configuration = Config()
            configuration.set_main_option("script_location", str(migrate.SCRIPTS))
            configuration.attributes["connection"] = connection
            number = f"{int(migrate.head()) + 1:04d}"
            written = command.revision(configuration, message=message, autogenerate=True, rev_id=number)
        engine.dispose()
    for script in written if isinstance(written, list) else [written]:
        if script is not None:
            print(f"{script.path}: read it before you commit it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
