"""The settings' mail server and its people, joined with the carrier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bouncelens.errors import SettingsInvalid
from bouncelens.settings import resolve_secret

if TYPE_CHECKING:
    from email.message import EmailMessage

    from bouncelens.settings import Settings


@dataclass(frozen=True, slots=True)
class Mailed:
    """Whom the server took a message for. `refused`: for whom not, with its words."""

    accepted: int
    refused: tuple[tuple[str, str], ...]


def refuse_incomplete(settings: Settings) -> None:
    """Look whether mail can be sent at all, before work is done for it. Raises SettingsInvalid."""
    wanted = {
        "mail.host": settings.mail.host,
        "mail.sender": settings.mail.sender,
        "digest.to": settings.digest.to,
    }
    if lacking := [name for name, value in wanted.items() if not value]:
        raise SettingsInvalid(
            f"Mail needs {', '.join(lacking)}.", advice="Write them to the settings file."
        )


def send_digest(settings: Settings, message: EmailMessage) -> Mailed:
    """Hand a message for the digest's people to the settings' server. Raises SettingsInvalid,
    MailRefused, SignInRefused."""
    from bouncelens.notify.mail import MailServer, send

    refuse_incomplete(settings)
    mail = settings.mail
    server = MailServer(
        host=mail.host,
        port=mail.port,
        security=mail.security,
        user=mail.user,
        password=resolve_secret(mail.password) if mail.user else "",
        ca_file=mail.ca_file,
        timeout_s=mail.timeout_s,
    )
    sent = send(message, server, to=settings.digest.to, sender=mail.sender)
    return Mailed(len(sent.accepted), sent.refused)
