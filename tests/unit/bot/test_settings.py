"""Settings: an empty folder is enough to start, and every mistake is named by its variable and never shows a secret."""

from pathlib import Path

import pytest

from bot.domain.errors import InvalidSettings
from bot.settings import PLACEHOLDERS, Settings, describe, example, load

SECRET = "hunter2-hunter2-hunter2"


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(**values: str) -> str:
    """Return what an operator is told."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(InvalidSettings) as caught:
        for name, value in values.items():
            patch.setenv(name, value)
        load()
    return str(caught.value)


def test_an_empty_folder_gives_the_defaults() -> None:
    settings = load()
    assert settings == Settings()
    assert settings.telegram.token is None
    assert settings.database.url == "sqlite:///var/data/waypost.db"
    assert settings.health.host == "127.0.0.1"


def test_the_environment_wins_over_the_file(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (empty_folder / ".env").write_text("WAYPOST_OPERATOR__NAME=of the file\nWAYPOST_HEALTH__PORT=9000\n")
    monkeypatch.setenv("WAYPOST_OPERATOR__NAME", "of the environment")
    assert (load().operator.name, load().health.port) == ("of the environment", 9000)


def test_another_file_can_be_named(empty_folder: Path) -> None:
    (empty_folder / "other").write_text("WAYPOST_HEALTH__PORT=9001\n")
    assert load(empty_folder / "other").health.port == 9001


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("WAYPOST_TELEGRAM__TOKN", "WAYPOST_TELEGRAM__TOKEN"),
        ("WAYPOST_TELEGRAM_TOKEN", "WAYPOST_TELEGRAM__TOKEN"),
        ("WAYPOST_DATABASE__URI", "WAYPOST_DATABASE__URL"),
        ("WAYPOST_INDEX_DRI", "WAYPOST_INDEX_DIR"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(wrong: str, meant: str) -> None:
    told = refused(**{wrong: SECRET})
    assert wrong in told
    assert f"did you mean {meant}?" in told
    assert SECRET not in told


def test_a_name_near_to_nothing_points_to_the_example() -> None:
    assert ".env.example" in refused(WAYPOST_ZZZZZZZZZZZZZZZZZZZZZZZZ="1")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WAYPOST_TELEGRAM__GROUP_ID", "abc"),
        ("WAYPOST_TELEGRAM__WEBHOOK_URL", "http://plain.example/telegram"),
        ("WAYPOST_TELEGRAM__POLL_WAIT_S", "51"),
        ("WAYPOST_TELEGRAM__GROUP_PER_MIN", "0"),
        ("WAYPOST_DATABASE__URL", "mysql://x"),
        ("WAYPOST_OPERATOR__LANGUAGE", "de"),
        ("WAYPOST_HEALTH__PORT", "65536"),
        ("WAYPOST_LOG__LEVEL", "LOUD"),
    ],
)
def test_a_wrong_value_is_named_with_its_variable(name: str, value: str) -> None:
    told = refused(**{name: value})
    assert f"{name}={value!r}" in told


def test_all_wrong_values_are_told_at_once() -> None:
    told = refused(WAYPOST_HEALTH__PORT="x", WAYPOST_LOG__FORMAT="xml")
    assert "WAYPOST_HEALTH__PORT" in told
    assert "WAYPOST_LOG__FORMAT" in told


@pytest.mark.parametrize("name", ["WAYPOST_TELEGRAM__TOKEN", "WAYPOST_TELEGRAM__WEBHOOK_SECRET", "WAYPOST_NLU__TOKEN"])
@pytest.mark.parametrize("placeholder", sorted(PLACEHOLDERS))
def test_a_placeholder_is_no_secret(name: str, placeholder: str) -> None:
    told = refused(**{name: f" {placeholder.upper()} "})
    assert f"{name}=**********" in told
    assert "placeholder" in told


def test_a_secret_of_blanks_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYPOST_TELEGRAM__TOKEN", "  ")
    assert load().telegram.token is None


def test_no_secret_is_shown_by_the_settings_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYPOST_TELEGRAM__TOKEN", SECRET)
    assert SECRET not in repr(load())
    assert SECRET not in load().model_dump_json()


def test_the_key_file_is_never_beside_the_database() -> None:
    for key in ("var/data/master.json", "var/keys/../data/master.json"):
        assert "WAYPOST_KEYS__FILE" in refused(WAYPOST_KEYS__FILE=key)
    assert "move it" in refused(WAYPOST_DATABASE__URL="sqlite:///var/keys/waypost.db")


def test_with_postgresql_the_key_file_may_lie_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYPOST_DATABASE__URL", "postgresql://waypost@localhost/waypost")
    monkeypatch.setenv("WAYPOST_KEYS__FILE", "var/data/master.json")
    assert load().keys.file == Path("var/data/master.json")


@pytest.mark.parametrize("secret", [None, "", "fifteen-letters"])
def test_a_webhook_needs_a_long_secret(secret: str | None) -> None:
    values = {"WAYPOST_TELEGRAM__WEBHOOK_URL": "https://help.example/telegram"}
    told = refused(**values | ({} if secret is None else {"WAYPOST_TELEGRAM__WEBHOOK_SECRET": secret}))
    assert "WAYPOST_TELEGRAM__WEBHOOK_SECRET" in told
    assert "fifteen" not in told


def test_a_webhook_with_a_long_secret_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYPOST_TELEGRAM__WEBHOOK_URL", "https://help.example/telegram")
    monkeypatch.setenv("WAYPOST_TELEGRAM__WEBHOOK_SECRET", "sixteen-letters!")
    assert load().telegram.webhook_port == 8082


@pytest.mark.parametrize("group_id", ["0", "100500"])
def test_the_id_of_a_group_is_negative(group_id: str) -> None:
    assert f"WAYPOST_TELEGRAM__GROUP_ID={group_id}" in refused(WAYPOST_TELEGRAM__GROUP_ID=group_id)


def test_the_example_mentions_every_setting_with_its_default_and_says_what_it_is() -> None:
    lines = example().splitlines()
    for name, default, description in describe():
        assert description, name
        at = lines.index(f"#{name}={'' if default is None else default}")
        assert lines[at - 1] == f"# {description}"
    assert {name.count("__") for name, _, _ in describe()} == {0, 1}


def test_the_example_as_it_stands_changes_nothing(empty_folder: Path) -> None:
    (empty_folder / ".env").write_text(example())
    assert load() == Settings(_env_file=None)


@pytest.mark.parametrize("row", [row for row in describe() if row[1] is not None], ids=lambda row: str(row[0]))
def test_a_line_of_the_example_put_to_use_changes_nothing(row: tuple[str, object, str], empty_folder: Path) -> None:
    (empty_folder / ".env").write_text(f"{row[0]}={row[1]}\n")
    assert load() == Settings(_env_file=None)


@pytest.mark.parametrize(
    "name", ["WAYPOST_TELEGRAM__GROUP_ID", "WAYPOST_TELEGRAM__WEBHOOK_URL", "WAYPOST_TELEGRAM__BASE_URL", "WAYPOST_NLU__URL"]
)
def test_a_setting_left_empty_in_the_file_is_not_set(name: str, empty_folder: Path) -> None:
    (empty_folder / ".env").write_text(f"{name}=\n")
    assert load() == Settings(_env_file=None)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql+psycopg"])
def test_the_password_of_a_database_address_is_not_shown(scheme: str) -> None:
    told = refused(WAYPOST_DATABASE__URL=f"{scheme}://waypost:{SECRET}@db/waypost")
    assert SECRET not in told
    assert f"'{scheme}://db'" in told


@pytest.mark.parametrize(
    "address", ["mysql://u:{}", "mysql://db/x?password={}", "u:{}@db", "mysql://u:a/{}@db", "mysql://u:a?{}@db"]
)
def test_a_password_in_an_address_of_any_form_is_not_shown(address: str) -> None:
    assert SECRET not in refused(WAYPOST_DATABASE__URL=address.format(SECRET))
    assert SECRET not in refused(WAYPOST_TELEGRAM__WEBHOOK_URL=f"http://u:{SECRET}@proxy/telegram")


def test_a_name_in_another_case_is_read_and_checked_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    told = refused(waypost_telegram__tokn=SECRET)
    assert SECRET not in told
    assert "did you mean WAYPOST_TELEGRAM__TOKEN?" in told
    monkeypatch.setenv("waypost_health__port", "9002")
    assert load().health.port == 9002


def test_a_file_that_is_no_text_is_named(empty_folder: Path) -> None:
    (empty_folder / ".env").write_bytes(b"WAYPOST_OPERATOR__NAME=\xff\xfe")
    with pytest.raises(InvalidSettings, match=r"\.env cannot be read"):
        load()


@pytest.mark.parametrize("name", ["WAYPOST_TELEGRAM__TOKN", "WAYPOST_PASSWORD"])
def test_an_unknown_name_in_the_file_is_named_as_it_stands_and_its_value_is_not_shown(name: str, empty_folder: Path) -> None:
    (empty_folder / ".env").write_text(f"{name}={SECRET}\n")
    told = refused()
    assert SECRET not in told
    assert name in told
    assert "WAYPOST_WAYPOST" not in told


def test_what_another_program_keeps_in_the_same_file_is_left_alone(empty_folder: Path) -> None:
    (empty_folder / ".env").write_text(f"POSTGRES_PASSWORD={SECRET}\n")
    assert load() == Settings(_env_file=None)


@pytest.mark.parametrize("name", ["TOKEN", "PORT", "MODEL", "INTERFACE", "PARENT_PID"])
def test_the_variables_of_the_nlu_server_itself_are_left_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"WAYPOST_NLU_{name}", "1")
    assert load() == Settings(_env_file=None)


@pytest.mark.parametrize("name", ["WAYPOST_NLU_URL", "WAYPOST_NLU_FOLDER"])
def test_a_setting_of_the_nlu_server_with_one_underscore_is_not_passed_over(name: str) -> None:
    assert "did you mean" in refused(**{name: "http://127.0.0.1:5005"})
