"""All settings, and the only reader of the environment.

Names are ``WAYPOST_`` plus the path of the field, levels joined by two underscores: ``WAYPOST_TELEGRAM__TOKEN``. A file ``.env``
in the working directory is read too; the environment wins. ``.env.example`` is generated from this module. What people argue
about (thresholds, limits, retention) is policy data, not a setting.
"""

import difflib
import os
import re
from pathlib import Path
from typing import Annotated, Literal

from dotenv import dotenv_values
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.domain.errors import InvalidSettings

PREFIX = "WAYPOST_"
NLU_SERVER = {f"{PREFIX}NLU_{name}" for name in ("TOKEN", "PORT", "MODEL", "INTERFACE", "PARENT_PID")}
"""The NLU server's own variables (nlu/README.md): they may stand in the same environment, and are no settings of ours."""
HIDDEN = "**********"
ADDRESS = re.compile(r"(?s)([A-Za-z][\w+.-]*://)(?:.*@)?([^/?#@:]*).*")
LOOPBACK = {"127.0.0.1", "localhost"}
PLACEHOLDERS = {"changeme", "change-me", "secret", "token", "xxx", "your-token"}


def _no_placeholder(value: SecretStr | None) -> SecretStr | None:
    if value is not None and value.get_secret_value().strip().lower() in PLACEHOLDERS:
        raise ValueError("is a placeholder: put the real value, or remove the line")
    return value if value is None or value.get_secret_value().strip() else None


Secret = Annotated[SecretStr | None, AfterValidator(_no_placeholder)]


class Section(BaseModel):
    """A group of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Telegram(Section):
    token: Secret = Field(
        default=None, description="Token from @BotFather. Without it everything but Telegram runs, so that it can be tried."
    )
    group_id: int | None = Field(
        default=None,
        description="Id of the staff group with topics, a negative number. Without it cases are worked with `waypost cases`.",
    )
    webhook_url: str | None = Field(
        default=None,
        pattern=r"^https://",
        description="Public https address ending in /telegram. Default none: updates are fetched.",
    )
    webhook_secret: Secret = Field(
        default=None, description="At least 16 characters, sent back by Telegram; needed with a webhook."
    )
    webhook_port: int = Field(default=8082, gt=0, lt=65536, description="Port the webhook listens on, behind your proxy.")
    base_url: str | None = Field(
        default=None, description="Another Bot API server, as http://127.0.0.1:8081/bot. Default: Telegram's own."
    )
    poll_wait_s: int = Field(default=25, ge=0, le=50, description="Seconds one request waits for updates; Telegram allows 50.")
    overall_per_s: float = Field(default=25, gt=0, description="Messages a second over all chats; Telegram's FAQ names about 30.")
    private_per_s: float = Field(default=1, gt=0, description="Messages a second to one person; more risks a 429.")
    groups: dict[str, int] = Field(
        default={},
        description='Groups of teams that have one of their own, by queue (policies/data/queues.yaml), as {"protection": -1001}.',
    )
    group_per_min: float = Field(default=20, gt=0, description="Operations a minute in the staff group, all topics together.")


class Desk(Section):
    undo_s: float = Field(
        default=5, ge=0, le=60, description="Seconds a caseworker's reply is held, so that /undo or an edit can take it back."
    )


class Console(Section):
    enabled: bool = Field(default=True, description="Whether this process serves the web console; one process of several does.")
    host: str = Field(default="127.0.0.1", description="Address the console listens on; keep it on loopback, behind your proxy.")
    port: int = Field(default=8080, ge=0, lt=65536, description="Port of the console; 0 picks a free one.")
    public_url: str | None = Field(
        default=None,
        pattern=r"^https://[^/]+$",
        description="Address people type, as https://desk.example.org, where a proxy stands before it. Default: loopback.",
    )

    def address(self, port: int) -> str:
        """Return where people find the console that listens on ``port``."""
        return self.public_url or f"http://127.0.0.1:{port}"


class Database(Section):
    url: str = Field(
        default="sqlite:///var/data/waypost.db",
        pattern=r"^(sqlite|postgresql)://",
        description="sqlite:///path for one office on one machine, postgresql://… for several processes.",
    )
    pool_size: int = Field(default=8, gt=0, description="Connections to PostgreSQL; one a thread that works.")


class Keys(Section):
    file: Path = Field(
        default=Path("var/keys/master.json"),
        description="Master key, mode 0600. Never in the folder of the database; back it up apart.",
    )


class Index(Section):
    vectors: Literal["faiss", "pgvector"] = Field(
        default="faiss", description="faiss keeps vectors in files of the index folder, pgvector in the PostgreSQL database."
    )


class Encoder(Section):
    model: str = Field(default="var/encoder", description="Folder made by set-up, or a sentence-transformers folder or hub name.")
    threads: int = Field(default=2, gt=0, description="Processor threads for one query; 2 halve the time of 1 on two cores.")


class Nlu(Section):
    url: str | None = Field(default=None, description="Address of a running NLU server. Default none: `waypost up` starts one.")
    token: Secret = Field(default=None, description="Token of that server.")
    folder: Path = Field(default=Path("nlu"), description="The Rasa project, with its own virtual environment and models.")
    encoder: Path = Field(default=Path("var/encoder"), description="Folder of the encoders it reads with; made by set-up.")


class Operator(Section):
    name: str = Field(
        default="this organisation (name not set)", min_length=1, description="Who runs the assistant; people are told."
    )
    language: Literal["en", "fr", "es", "ar"] = Field(default="en", description="Language used while a person's is not known.")


class Health(Section):
    host: str = Field(default="127.0.0.1", description="Address of /health/live and /health/ready; keep it on loopback.")
    port: int = Field(default=8081, ge=0, lt=65536, description="Port of the health pages; 0 picks a free one.")


class Log(Section):
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="No level ever logs words, names or tokens."
    )
    format: Literal["text", "json"] = Field(default="text", description="json for machines.")


class Settings(BaseSettings):
    """Everything an operator can set."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        validate_default=True,
    )

    telegram: Telegram = Telegram()
    desk: Desk = Desk()
    console: Console = Console()
    database: Database = Database()
    keys: Keys = Keys()
    index_dir: Path = Field(default=Path("var/index"), description="Folder of the passage index; derived, can be rebuilt.")
    index: Index = Index()
    run_dir: Path = Field(default=Path("var/run"), description="Folder of the running processes' state and of the NLU log.")
    encoder: Encoder = Encoder()
    nlu: Nlu = Nlu()
    operator: Operator = Operator()
    health: Health = Health()
    log: Log = Log()


def load(env_file: Path | None = None) -> Settings:
    """Read the settings once.

    Raises:
        InvalidSettings: names each wrong setting, its value (never a secret's) and what it must be.
    """
    _refuse_unknown_names(env_file or Path(".env"))
    try:
        settings = Settings(_env_file=env_file) if env_file else Settings()
    except ValidationError as exc:
        raise InvalidSettings("\n".join(_explain(error) for error in exc.errors(include_url=False))) from exc
    _check_together(settings)
    return settings


def describe() -> list[tuple[str, object, str]]:
    """Return (environment name, default, description) of every setting, in order."""
    return list(_walk(Settings, PREFIX, "_"))


def example() -> str:
    """Return the text of ``.env.example``."""
    lines = ["# Settings of Waypost. Copy to .env and change what you need; every line shows its default.", ""]
    for name, default, description in describe():
        shown = "" if default is None else default
        lines += [f"# {description}", f"#{name}={shown}", ""]
    return "\n".join(lines)


def chosen(settings: Settings, env_file: Path | None = None) -> list[tuple[str, str, str]]:
    """Return (environment name, value as it may be printed, source) of every setting; source is environment, file or default."""
    in_file = {name.upper() for name in _names_in(env_file or Path(".env"))}
    in_environment = {name.upper() for name in os.environ}
    rows = []
    for name, _, _ in describe():
        path = name.removeprefix(PREFIX)
        value: object = settings
        for part in path.lower().split("__"):
            value = getattr(value, part)
        source = "environment" if name in in_environment else "file" if name in in_file else "default"
        shown = "–" if value is None else _shown(path, str(value)).strip("'")
        rows.append((name, shown, source))
    return rows


def _walk(model: type[BaseModel], prefix: str, joiner: str) -> list[tuple[str, object, str]]:
    rows: list[tuple[str, object, str]] = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            rows += _walk(kind, f"{prefix}{name.upper()}__", "__")
        else:
            rows.append((f"{prefix}{name.upper()}", field.default, field.description or ""))
    return rows


def _refuse_unknown_names(env_file: Path) -> None:
    """A misspelt name must not pass in silence; names of other programs in the same file are none of our business."""
    ours = [name for name, _, _ in describe()]
    known = {*ours, *NLU_SERVER, "WAYPOST_ENV_FILE"}
    for name in (*os.environ, *_names_in(env_file)):
        # Pydantic reads names in any case.
        upper = name.upper()
        if upper.startswith(PREFIX) and upper not in known and not upper.startswith("WAYPOST_TEST_"):
            near = difflib.get_close_matches(upper, ours, n=1)
            raise InvalidSettings(f"Unknown setting {name}" + (f"; did you mean {near[0]}?" if near else "; see .env.example"))


def _names_in(env_file: Path) -> list[str]:
    try:
        return list(dotenv_values(env_file, interpolate=False))
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidSettings(f"The settings file {env_file} cannot be read as UTF-8 text") from exc


def _explain(error: object) -> str:
    assert isinstance(error, dict)
    path = "__".join(str(part).upper() for part in error["loc"])
    return f"{PREFIX}{path}={_shown(path, error.get('input'))}: {error['msg']}"


def _shown(path: str, value: object) -> str:
    """Return a wrong value as it may be printed: no secret, and of an address that may hold a password scheme and host only."""
    if any(word in path for word in ("TOKEN", "SECRET")):
        return HIDDEN
    is_server = path == "DATABASE__URL" and not str(value).startswith("sqlite")
    if is_server or (path.endswith("URL") and "@" in str(value)):
        address = ADDRESS.fullmatch(str(value))
        return repr(address[1] + address[2]) if address else HIDDEN
    return repr(value)


def _check_together(settings: Settings) -> None:
    telegram = settings.telegram
    if telegram.webhook_url and (telegram.webhook_secret is None or len(telegram.webhook_secret.get_secret_value()) < 16):
        raise InvalidSettings("WAYPOST_TELEGRAM__WEBHOOK_SECRET must be set, 16 characters or more, when a webhook is used")
    for name, group_id in {
        "GROUP_ID": telegram.group_id,
        **{f"GROUPS: {queue}": one for queue, one in telegram.groups.items()},
    }.items():
        if group_id is not None and group_id >= 0:
            raise InvalidSettings(f"WAYPOST_TELEGRAM__{name}={group_id}: the id of a group is a negative number")
    if settings.console.public_url is None and settings.console.host not in LOOPBACK:
        raise InvalidSettings(
            f"WAYPOST_CONSOLE__HOST={settings.console.host}: a console that others reach stands behind an https address: set"
            " WAYPOST_CONSOLE__PUBLIC_URL"
        )
    if settings.index.vectors == "pgvector" and settings.database.url.startswith("sqlite"):
        raise InvalidSettings(
            "WAYPOST_INDEX__VECTORS=pgvector needs a PostgreSQL database, WAYPOST_DATABASE__URL names a SQLite file: change one"
        )
    database = Path(settings.database.url.removeprefix("sqlite:///")).resolve().parent
    if settings.database.url.startswith("sqlite:///") and settings.keys.file.resolve().parent == database:
        raise InvalidSettings(
            f"WAYPOST_KEYS__FILE={settings.keys.file} lies in the folder of the database: whoever copies one has both; move it"
        )
