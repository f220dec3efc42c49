"""Mail over a real server on loopback: taken, refused, in private, and when nobody knows."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from bouncelens.errors import MailRefused, SignInRefused
from bouncelens.notify.mail import MailServer, send
from mail_server import PASSWORD, USER, Mailbox, certificate, served

TO = ("ops@example.com", "dana@example.com")


def message() -> EmailMessage:
    made = EmailMessage()
    made["Subject"] = "Bounces"
    made.set_content("Ünïcode.\n.\nA line with a dot alone above.")
    return made


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, MailServer]]:
    box = Mailbox()
    controller = served(box)
    yield box, MailServer("127.0.0.1", controller.port, "none", timeout_s=10)
    controller.stop()


def test_a_message_arrives_whole(mailbox: tuple[Mailbox, MailServer]) -> None:
    box, server = mailbox
    sent = send(message(), server, to=TO, sender="bounces@example.com")
    assert (sent.accepted, sent.refused) == (TO, ())
    assert box.recipients == [TO]
    assert b"A line with a dot alone above." in box.messages[0]


def test_the_others_get_it_when_one_recipient_is_refused(
    mailbox: tuple[Mailbox, MailServer],
) -> None:
    box, server = mailbox
    box.refuses = frozenset({TO[0]})
    sent = send(message(), server, to=TO, sender="bounces@example.com")
    assert sent.accepted == (TO[1],)
    assert sent.refused == ((TO[0], "550 5.1.1 no such user"),)
    box.refuses = frozenset(TO)
    with pytest.raises(MailRefused, match="refused every recipient: 550") as caught:
        send(message(), server, to=TO, sender="bounces@example.com")
    assert caught.value.is_certain


@pytest.mark.parametrize(
    ("answer", "is_certain"),
    [
        pytest.param("554 5.7.1 spam", True, id="refused in words"),
        pytest.param(None, False, id="cut off after it was taken"),
    ],
)
def test_it_is_known_whether_a_message_may_have_arrived(
    mailbox: tuple[Mailbox, MailServer], answer: str | None, is_certain: bool
) -> None:
    box, server = mailbox
    box.answer = answer
    with pytest.raises(MailRefused) as caught:
        send(message(), server, to=TO, sender="bounces@example.com")
    assert caught.value.is_certain is is_certain


def test_a_password_goes_over_tls_that_was_checked(tmp_path: Path) -> None:
    box = Mailbox()
    public, private = certificate(tmp_path, "localhost")
    controller = served(box, (public, private))
    try:
        good = MailServer(
            "localhost", controller.port, "starttls", USER, PASSWORD, str(public), timeout_s=10
        )
        assert send(message(), good, to=TO, sender="b@example.com").accepted == TO
        strange = MailServer("localhost", controller.port, "starttls", USER, PASSWORD, timeout_s=10)
        with pytest.raises(MailRefused, match="certificate is not trusted"):
            send(message(), strange, to=TO, sender="b@example.com")
        wrong = MailServer(
            "localhost", controller.port, "starttls", USER, "w-secret", str(public), timeout_s=10
        )
        with pytest.raises(SignInRefused) as caught:
            send(message(), wrong, to=TO, sender="b@example.com")
        assert "w-secret" not in str(caught.value)
    finally:
        controller.stop()
    assert len(box.messages) == 1


def test_no_password_leaves_this_machine_in_the_open() -> None:
    server = MailServer("mail.example.com", 25, "none", USER, PASSWORD)
    with pytest.raises(SignInRefused, match="without TLS"):  # before any connection
        send(message(), server, to=TO, sender="b@example.com")
    assert PASSWORD not in repr(server)


def answering(lines: bytes) -> tuple[int, Callable[[], None]]:
    """A server that says one thing and hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))

    def work() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(lines)

    thread = threading.Thread(target=work)
    thread.start()

    def close() -> None:
        thread.join()
        listener.close()

    return listener.getsockname()[1], close


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(b"421 4.3.2 too busy\r\n", id="busy"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff\xfe\x00garbage\r\n", id="garbage"),
        pytest.param(b"220 hello\r\n", id="gone after hello"),
    ],
)
def test_a_server_that_does_not_get_to_the_message_surely_delivered_none(lines: bytes) -> None:
    port, close = answering(lines)
    try:
        with pytest.raises(MailRefused) as caught:
            send(
                message(), MailServer("127.0.0.1", port, "none", timeout_s=10), to=TO, sender="b@c"
            )
        assert caught.value.is_certain
    finally:
        close()


def test_where_nobody_listens_it_says_where() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(MailRefused, match=f"127.0.0.1:{port}: Connection refused"):
        send(message(), MailServer("127.0.0.1", port, "none"), to=TO, sender="b@example.com")
