"""A message over SMTP (RFC 5321), step by step, so that it is known whether it may have arrived."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from ipaddress import ip_address

from bouncelens.errors import MailRefused, SignInRefused


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where messages are handed over. `security`: starttls, tls or none."""

    host: str
    port: int
    security: str
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""
    timeout_s: float = 60


@dataclass(frozen=True, slots=True)
class Sent:
    """What the server took. `refused`: recipients it did not want, with its words."""

    accepted: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]


def send(message: EmailMessage, server: MailServer, *, to: Sequence[str], sender: str) -> Sent:
    """Hand a message over, once. Raises MailRefused, whose `is_certain` says that nobody got it,
    and SignInRefused."""
    _refuse_bare_password(server)
    content = message.as_bytes(policy=SMTP)
    with _connected(server) as client:
        with _before_content(server):
            code, words = client.mail(sender)
            if code != 250:
                raise _refusal(server, "the sender", code, words)
            refused, accepted = [], []
            for recipient in to:
                code, words = client.rcpt(recipient)
                if code in (250, 251):
                    accepted.append(recipient)
                else:
                    refused.append((recipient, _said(code, words)))
            if not accepted:
                raise _refusal(server, "every recipient", code, words)
        _hand_over(client, content, server)
    return Sent(tuple(accepted), tuple(refused))


def _hand_over(client: smtplib.SMTP, content: bytes, server: MailServer) -> None:
    """From here on a lost connection leaves open whether the message was taken."""
    try:
        code, words = client.data(content)
    except smtplib.SMTPDataError as error:
        raise _refusal(server, "the message", error.smtp_code, error.smtp_error) from error
    except (smtplib.SMTPException, OSError) as error:
        raise MailRefused(
            _name(server),
            f"the connection was lost while the message was handed over ({_short(error)})",
            is_certain=False,
        ) from error
    if code != 250:
        raise _refusal(server, "the message", code, words)


@contextmanager
def _connected(server: MailServer) -> Iterator[smtplib.SMTP]:
    with _before_content(server):
        client = _open(server)
    try:
        with _before_content(server):
            if server.security == "starttls":
                client.starttls(context=_context(server))
            client.ehlo_or_helo_if_needed()
            _sign_in(client, server)
        yield client
    finally:
        try:
            client.quit()
        except (smtplib.SMTPException, OSError):  # what it took, it took
            client.close()


def _open(server: MailServer) -> smtplib.SMTP:
    if server.security == "tls":
        return smtplib.SMTP_SSL(
            server.host, server.port, timeout=server.timeout_s, context=_context(server)
        )
    return smtplib.SMTP(server.host, server.port, timeout=server.timeout_s)


def _context(server: MailServer) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=server.ca_file or None)


def _sign_in(client: smtplib.SMTP, server: MailServer) -> None:
    if not server.user:
        return
    try:
        client.login(server.user, server.password)
    except smtplib.SMTPAuthenticationError as error:
        raise SignInRefused(
            f"{_name(server)} does not accept the user or the password "
            f"({_said(error.smtp_code, error.smtp_error, server.password)}).",
            advice="Check mail.user and mail.password.",
        ) from None
    except smtplib.SMTPNotSupportedError as error:
        raise SignInRefused(
            f"{_name(server)} offers no sign-in.", advice="Leave mail.user empty, or use TLS."
        ) from error


def _refuse_bare_password(server: MailServer) -> None:
    if server.user and server.security == "none" and not _is_loopback(server.host):
        raise SignInRefused(
            f"{_name(server)}: a password is not sent over a connection without TLS.",
            advice="Set mail.security to starttls or tls.",
        )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


@contextmanager
def _before_content(server: MailServer) -> Iterator[None]:
    """Whatever goes wrong before the message itself: nobody got it."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise MailRefused(
            _name(server),
            f"its certificate is not trusted ({error.verify_message})",
            advice="Name the right host, or its authority's certificates as mail.ca_file.",
        ) from error
    except smtplib.SMTPNotSupportedError as error:
        raise MailRefused(
            _name(server), "it offers no STARTTLS", advice="Set mail.security to tls."
        ) from error
    except (smtplib.SMTPException, OSError, socket.gaierror) as error:
        raise MailRefused(
            _name(server), _short(error), advice="Check mail.host, mail.port and mail.security."
        ) from error


def _refusal(server: MailServer, what: str, code: int, words: bytes | str) -> MailRefused:
    said = _said(code, words)
    return MailRefused(_name(server), f"it refused {what}: {said}", may_retry=400 <= code < 500)


def _said(code: int, words: bytes | str, secret: str = "") -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    if secret:
        text = text.replace(secret, "…")
    return f"{code} {' '.join(text.split())[:200]}"


def _short(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__)[:200]


def _name(server: MailServer) -> str:
    return f"{server.host}:{server.port}"
