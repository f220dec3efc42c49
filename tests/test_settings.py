"""Settings: strict about keys, free of secrets, the environment over the file."""

from __future__ import annotations

import importlib.util
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from bouncelens.errors import SettingsInvalid
from bouncelens.service.init import Answers, text_of, write
from bouncelens.settings import Settings, find, load, resolve_secret

DOCS = Path(__file__).parent.parent / "docs"


def _file(folder: Path, text: str) -> Path:
    path = folder / "bouncelens.toml"
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param('lakke = "x"', "'lakke'. Did you mean 'lake'?", id="top level"),
        pytest.param("[soap]\nbatch = 9", "'soap.batch'. Did you mean 'soap.batch_size'?", id="in"),
        pytest.param(
            '[sql]\naddresses = "never"',
            "'sql.addresses'. It is called 'report.addresses' now.",
            id="of an earlier version",
        ),
        pytest.param("[tennant]", "Did you mean 'tenant'?", id="table"),
        pytest.param("[[accounts]]\nmit = 3", "Did you mean 'accounts.mid'?", id="in a list"),
        pytest.param(
            "[sends]\nclient_id = 'x'", "Did you mean 'tenant.client_id'?", id="elsewhere"
        ),
    ],
)
def test_an_unknown_key_names_its_file_and_the_nearest_known_one(
    tmp_path: Path, text: str, said: str
) -> None:
    path = _file(tmp_path, text)
    with pytest.raises(SettingsInvalid) as caught:
        load(path, {})
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('[tenant]\nclient_secret = "hunter2hunter2"', id="client secret"),
        pytest.param('ledger = "postgresql+psycopg://me:hunter2hunter2@db/ledger"', id="ledger"),
        pytest.param('lake = "s3://key:hunter2hunter2@bucket/lake"', id="lake"),
    ],
)
def test_a_secret_in_the_file_is_refused_with_advice_and_never_repeated(
    tmp_path: Path, text: str
) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        load(_file(tmp_path, text), {})
    assert "env:NAME" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("lake = ", "is not TOML", id="no TOML"),
        pytest.param("lake = 3", "'lake'", id="wrong type"),
        pytest.param("[soap]\nbatch_size = 9999", "'soap.batch_size'", id="too large"),
        pytest.param("[[accounts]]\nname = 'x'", "'accounts.0.mid'", id="lacks the MID"),
        pytest.param("[[accounts]]\nmid=1\n[[accounts]]\nmid=1", "twice", id="MID twice"),
        pytest.param('time_zone = "Mars/Base"', "Mars/Base", id="time zone"),
    ],
)
def test_a_wrong_value_is_one_sentence_with_its_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"bouncelens\.toml") as caught:
        load(_file(tmp_path, text), {})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_environment_goes_over_the_file(tmp_path: Path) -> None:
    path = _file(tmp_path, "[soap]\nbatch_size = 100\ntimeout_s = 7\n[tenant]\nsubdomain = 'a'")
    environ = {
        "BOUNCELENS_SOAP__BATCH_SIZE": "250",
        "BOUNCELENS_TENANT__CLIENT_SECRET": "env:ELSEWHERE",
        "BOUNCELENS_ACCOUNTS": '[{"mid": 12, "name": "Shop"}, {"mid": 13}]',
        "BOUNCELENS_CONFIG": "read by the command line",
        "OTHER": "x",
    }
    settings = load(path, environ)
    assert settings.soap.batch_size == 250
    assert settings.soap.timeout_s == 7
    assert settings.tenant.subdomain == "a"
    assert [account.mid for account in settings.accounts] == [12, 13]


def test_every_list_and_table_of_the_environment_is_json() -> None:
    environ = {
        "BOUNCELENS_ROUTES": '["query"]',
        "BOUNCELENS_DNS__RESOLVERS": '["192.0.2.53"]',
        "BOUNCELENS_DIGEST__TO": '["ann@example.com"]',
        "BOUNCELENS_CALLS__FORBIDDEN": '["08:00-09:30"]',
        "BOUNCELENS_ENGINE__SPARK_CONF": '{"spark.executor.memory": "8g"}',
        "BOUNCELENS_AUTO_SUPPRESSION__FILE": "{mid}.csv",
    }
    settings = load(None, environ)
    assert settings.routes == ("query",)
    assert settings.dns.resolvers == ("192.0.2.53",)
    assert settings.digest.to == ("ann@example.com",)
    assert settings.calls.forbidden == ("08:00-09:30",)
    assert settings.engine.spark_conf == {"spark.executor.memory": "8g"}
    assert settings.auto_suppression.file == "{mid}.csv"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        pytest.param({"BOUNCELENS_LAEK": "x"}, "'BOUNCELENS_LAKE'", id="top level"),
        pytest.param(
            {"BOUNCELENS_SOAP__TIMEOUT": "3"}, "'BOUNCELENS_SOAP__TIMEOUT_S'", id="nested"
        ),
        pytest.param({"BOUNCELENS_ACCOUNTS": "12"}, "'accounts'", id="no list"),
        pytest.param({"BOUNCELENS_ACCOUNTS": "Shop"}, "is not JSON", id="no JSON"),
        pytest.param({"BOUNCELENS_SOAP__BATCH_SIZE": "many"}, "environment", id="no number"),
        pytest.param({"BOUNCELENS_TENANT__CLIENT_SECRET": "hunter2"}, "env:NAME", id="secret"),
    ],
)
def test_the_environment_is_read_as_strictly(
    tmp_path: Path, environ: dict[str, str], said: str
) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        load(None, environ, folder=tmp_path)
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_variable_that_holds_a_referenced_secret_is_no_setting(tmp_path: Path) -> None:
    path = _file(tmp_path, '[tenant]\nclient_secret = "env:BOUNCELENS_SECRET"')
    settings = load(path, {"BOUNCELENS_SECRET": "hunter2"})
    assert resolve_secret(settings.tenant.client_secret, {"BOUNCELENS_SECRET": "s"}) == "s"


def test_relative_paths_start_at_the_file_and_those_of_the_environment_here(
    tmp_path: Path,
) -> None:
    (tmp_path / "there").mkdir()
    text = 'lake = "l"\nrules = ["mine.toml"]\n[tenant]\nclient_secret = "file:secret"'
    path = _file(tmp_path / "there", text)
    settings = load(path, {}, folder=tmp_path)
    assert settings.lake == str(tmp_path / "there" / "l")
    assert settings.ledger == f"sqlite:///{tmp_path / 'there' / 'bouncelens.db'}"
    assert settings.rules == (str(tmp_path / "there" / "mine.toml"),)
    assert settings.tenant.client_secret == f"file:{tmp_path / 'there' / 'secret'}"
    assert load(path, {"BOUNCELENS_LAKE": "l"}, folder=tmp_path).lake == str(tmp_path / "l")


def test_without_a_file_there_are_defaults(tmp_path: Path) -> None:
    settings = load(None, {}, folder=tmp_path)
    assert settings.lake == str(tmp_path / "lake")
    assert settings.accounts == ()


def test_the_working_folder_comes_before_the_configuration_folder(tmp_path: Path) -> None:
    path = _file(tmp_path, "")
    assert find(tmp_path) == path


@pytest.mark.parametrize(
    ("reference", "environ", "said"),
    [
        pytest.param("env:NOT_THERE", {}, "NOT_THERE is not set", id="no variable"),
        pytest.param("env:EMPTY", {"EMPTY": ""}, "EMPTY is not set", id="empty variable"),
        pytest.param("file:/nowhere/secret", {}, "/nowhere/secret", id="no file"),
        pytest.param("keyring:lonely", {}, "keyring:SERVICE/NAME", id="no entry"),
    ],
)
def test_a_reference_to_nothing_says_what_is_missing(
    reference: str, environ: dict[str, str], said: str
) -> None:
    with pytest.raises(SettingsInvalid, match=said):
        resolve_secret(reference, environ)


def test_secrets_are_found_where_references_point(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("from a file\n")
    assert resolve_secret(f"file:{path}") == "from a file"
    assert resolve_secret("env:X", {"X": "from a variable"}) == "from a variable"
    assert resolve_secret("a-client-id") == "a-client-id"


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    settings = load(None, {}, folder=tmp_path)
    with pytest.raises(ValueError, match="frozen"):
        settings.lake = "elsewhere"  # type: ignore[misc]


# The first file


def _keys(table: dict[str, Any], before: str = "") -> set[str]:
    found = set[str]()
    for key, value in table.items():
        rows = (
            value if isinstance(value, list) and value and isinstance(value[0], dict) else [value]
        )
        for row in rows:
            if isinstance(row, dict) and row:
                found |= _keys(row, f"{before}{key}{'[]' if rows is value else ''}.")
            else:
                found.add(before + key)
    return found


def _generate() -> Any:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_first_file_holds_every_setting_at_its_default() -> None:
    full = Answers("mcsub", "an-id", "env:SECRET", ((7, "Shop"),), "counts")
    text = re.sub(r'^# (auth_url|sftp_\w+) = ""', r'\1 = ""', text_of(full), flags=re.MULTILINE)
    table = tomllib.loads(text)
    known = {key: default for key, _, default, _ in _generate().fields(Settings)}
    assert _keys(table) == set(known)
    for key, default in known.items():
        part: Any = table
        for step in key.split("."):
            part = part[step.removesuffix("[]")]
            part = part[0] if step.endswith("[]") else part
        if key.partition(".")[0] not in ("tenant", "accounts[]", "sends"):
            assert part == json.loads(default), key


def test_the_first_file_is_valid_and_its_owners_alone(tmp_path: Path) -> None:
    odd = 'a"b\\c\x07'
    written = write(tmp_path, Answers(subdomain="mc", accounts=((7, odd), (8, ""))))
    settings = load(written.file, {})
    assert [(a.mid, a.name) for a in settings.accounts] == [(7, odd), (8, "")]
    assert written.file.stat().st_mode & 0o077 == 0


SPARK = 'lake = "x"\n[engine.spark_conf]\n'
KEY = '"spark.hadoop.fs.s3a.secret.key" = '


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param(KEY + '"hunter2"', "a secret must not stand here", id="a secret itself"),
        pytest.param('"colour" = "red"', "begin with spark", id="no property of Spark"),
    ],
)
def test_wrong_properties_of_spark_are_refused(tmp_path: Path, line: str, words: str) -> None:
    (tmp_path / "bouncelens.toml").write_text(SPARK + line, "utf-8")
    with pytest.raises(SettingsInvalid, match=words) as refused:
        load(tmp_path / "bouncelens.toml", {})
    assert "hunter2" not in str(refused.value)


def test_secrets_of_spark_are_found_behind_their_references(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hunter2", "utf-8")
    more = '\n"spark.executor.memory" = "8g"\n"spark.sql.warehouse.dir" = "file:/w"'
    text = SPARK + KEY + json.dumps(f"file:{tmp_path / 'key'}") + more
    (tmp_path / "bouncelens.toml").write_text(text, "utf-8")
    engine = load(tmp_path / "bouncelens.toml", {}).engine
    assert engine.resolved_conf() == {
        "spark.hadoop.fs.s3a.secret.key": "hunter2",
        "spark.executor.memory": "8g",
        "spark.sql.warehouse.dir": "file:/w",
    }
    assert "hunter2" not in repr(engine)


def test_a_secret_given_to_init_is_refused_and_no_file_is_left(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="env:NAME"):
        write(tmp_path, Answers(client_secret="hunter2"))
    assert not list(tmp_path.iterdir())


# The documents


def test_generated_documents_are_what_the_code_says() -> None:
    for path, text in _generate().outputs().items():
        assert path.read_text("utf-8") == text, f"{path.name}: run python docs/generate.py"
