"""`serve` and `sandbox`: pages over the lake, and a Marketing Cloud to try things against."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from bouncelens.errors import InputInvalid
from bouncelens.show.cli.options import Addresses, Config, Json
from bouncelens.show.cli.screen import print_json, say, settings_of

if TYPE_CHECKING:
    import socket

    from bouncelens.settings import Settings

_HTTP_PORT = 8470


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(serve)
    app.command(
        context_settings={
            "allow_extra_args": True,
            "ignore_unknown_options": True,
            "help_option_names": [],
        }
    )(sandbox)


def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = _HTTP_PORT,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    addresses: Addresses = False,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Show the dashboard page until Ctrl-C.

    The page only reads, and listens on this machine only unless --host says otherwise. Where
    events.url is set, what Marketing Cloud posts to /events is taken and stored as well.
    """
    from bouncelens.service.hiding import showing_addresses
    from bouncelens.service.workspace import refuse_damage

    settings = showing_addresses(settings_of(config), asked=addresses)
    refuse_damage(settings)
    listener = listening(host, port)
    with listener:
        url = url_of(listener, host)
        serve_on(
            listener,
            settings,
            host=host,
            ready=lambda: (
                print_json({"url": url}, indent=None)
                if as_json
                else say(f"The dashboard is at {url} – Ctrl-C ends it.")
            ),
        )


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises InputInvalid when the address is not to be had."""
    import socket

    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family)
        # Without this a small answer waits 40 ms for more to send with it.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no address"
        raise InputInvalid(
            f"Cannot listen on {host}, port {port}: {reason}.",
            advice="Say another --port, or --port 0 for a free one.",
        ) from error


def url_of(listener: socket.socket, host: str) -> str:
    """The address to open."""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}/"


def serve_on(
    listener: socket.socket, settings: Settings, *, host: str, ready: Callable[[], object]
) -> None:
    """Serve the pages on a socket until a signal ends it. `ready` is called once it answers.

    SIGTERM is how systemd and containers end a server: nothing has failed then.
    """
    import sys
    from contextlib import suppress

    import uvicorn

    from bouncelens.show.cli import Ended
    from bouncelens.show.web.app import create_app
    from bouncelens.show.web.guard import LOOPBACK_HOSTS

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready()
            sys.stdout.flush()

    app = create_app(settings, hosts=LOOPBACK_HOSTS | {host})
    config = uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=3, server_header=False)
    with suppress(Ended):
        Server(config).run(sockets=[listener])


def sandbox(context: typer.Context) -> None:
    """Start a Marketing Cloud on this machine, or make mail happen in one.

    All arguments are the sandbox's own: `serve`, `send`, `clock`, `make` and their options.
    `bouncelens sandbox --help` shows them.
    """
    from bouncelens.service.sandbox import run_in_front

    raise typer.Exit(run_in_front(context.args))
