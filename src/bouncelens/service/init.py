"""A first bouncelens.toml: every setting with its meaning, those that were answered filled in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from bouncelens.errors import InputInvalid
from bouncelens.settings import FILE_NAME, load
from bouncelens.settings.owned import owned_file


@dataclass(frozen=True, slots=True)
class Answers:
    """What only the person knows. Empty: left to be filled in. A subdomain may also be the address
    of another Marketing Cloud, such as the sandbox's."""

    subdomain: str = ""
    client_id: str = ""
    client_secret: str = "env:SFMC_CLIENT_SECRET"  # noqa: S105 - a reference, not a secret
    accounts: tuple[tuple[int, str], ...] = ()  # MID and name
    data_extension: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """The file that was written, and what to do next."""

    file: Path
    next_steps: tuple[str, ...]


def write(folder: Path, answers: Answers, *, is_overwriting: bool = False) -> Written:
    """Write the file into `folder`, readable by its owner only.

    Raises InputInvalid when one is there already or the place cannot be written, SettingsInvalid
    for answers that cannot be settings.
    """
    path = place(folder, is_overwriting=is_overwriting)
    text = text_of(answers)
    try:
        made = path.with_name(f".{FILE_NAME}.new")
        made.unlink(missing_ok=True)
        with owned_file(made) as file:
            file.write(text)
    except OSError as error:
        raise InputInvalid(f"{path} cannot be written: {error.strerror}.") from error
    try:
        load(made, {})
        made.replace(path)
    finally:
        made.unlink(missing_ok=True)
    return Written(path, tuple(_next_steps(answers)))


def place(folder: Path, *, is_overwriting: bool = False) -> Path:
    """Where the file goes. Raises InputInvalid when one is there already."""
    path = folder / FILE_NAME
    if path.exists() and not is_overwriting:
        raise InputInvalid(f"{path} is there already.", advice="Say --force to replace it.")
    return path


def text_of(answers: Answers) -> str:
    """The file's text."""
    template = files(__package__).joinpath("template.toml").read_text("utf-8")
    is_url = "://" in answers.subdomain and ".marketingcloudapis.com" not in answers.subdomain
    subdomain, url = ("", answers.subdomain) if is_url else (answers.subdomain, "")
    return (
        template.replace("{subdomain}", _line("subdomain", subdomain, "mc…"))
        .replace('# auth_url = ""', _line("auth_url", url) if url else '# auth_url = ""')
        .replace("{client_id}", _line("client_id", answers.client_id, "…"))
        .replace("{client_secret}", _line("client_secret", answers.client_secret))
        .replace("{accounts}", "\n".join(_accounts(answers.accounts)))
        .replace("{data_extension}", _line("data_extension", answers.data_extension, "…"))
    )


def _line(key: str, value: str, example: str = "") -> str:
    """A line of TOML; commented out while there is no answer. JSON's strings are TOML's."""
    text = json.dumps(value or example, ensure_ascii=False).replace("\x7f", "\\u007f")
    return f"{key} = {text}" if value else f"# {key} = {text}"


_OWN_SFTP = (
    "# Where extracts land with an SFTP user of the unit's own: that user, its password or key.\n"
    '# sftp_user = ""\n# sftp_password = ""\n# sftp_key = ""'
)


def _accounts(accounts: Sequence[tuple[int, str]]) -> Iterator[str]:
    if not accounts:
        yield '# [[accounts]]\n# mid = 1234567\n# name = "Shop"'
    for mid, name in accounts:
        yield f"[[accounts]]\nmid = {mid}\n{_line('name', name, 'Shop')}"
    if accounts:
        yield _OWN_SFTP


def _next_steps(answers: Answers) -> Iterator[str]:
    if not (answers.subdomain and answers.client_id and answers.accounts):
        yield f"Fill in the tenant and its accounts in {FILE_NAME}."
    if answers.client_secret.startswith("env:"):
        yield f"Set the environment variable {answers.client_secret[4:]} to the client secret."
    yield "Check it: bouncelens doctor"
    yield "Pull: bouncelens pull"
