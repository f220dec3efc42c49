"""`python -m sfmc_sandbox serve …`: makes a tenant, says where it is, serves until interrupted."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import socket
import sys
import textwrap
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sfmc_sandbox.switches import add_switches, apply_switches, between
from sfmc_sandbox.wire.tokens import SCOPES
from sfmc_sandbox.wire.trouble import SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sfmc_sandbox.wire.sandbox import Sandbox
    from sfmc_sandbox.wire.sftp import Sftp
    from sfmc_sandbox.wire.trouble import Trouble
    from sfmc_sandbox.world.tenant import Tenant


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; the return value is the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or (given[0].startswith("-") and given[0] not in {"-h", "--help"}):
        given.insert(0, "serve")  # what most people want
    parser = argparse.ArgumentParser(
        prog=os.environ.get("SFMC_SANDBOX_PROGRAM", "python -m sfmc_sandbox"),
        description="A local Salesforce Marketing Cloud to test against.",
        epilog="Without a command it serves. Each command has its own --help.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_serve(commands)
    _add_turns(commands)
    _add_make(commands)
    options = parser.parse_args(given)
    return {"serve": _serve, "make": _make}.get(options.command, _turn)(options)


def _words(text: str, known: Iterable[str]) -> frozenset[str]:
    given, there_are = frozenset(text.split()), frozenset(known)
    if strange := sorted(given - there_are):
        raise argparse.ArgumentTypeError(
            f"unknown: {' '.join(strange)}; there are: {' '.join(sorted(there_are))}"
        )
    return given


def _scopes(text: str) -> frozenset[str]:
    return _words(text, SCOPES.split())


def _statuses(text: str) -> frozenset[str]:
    from sfmc_sandbox.wire.change_subscriber import STATUSES

    return _words(text, STATUSES)


def _add_serve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    serve = commands.add_parser("serve", help="make a tenant and serve it")
    option = serve.add_argument
    option("--host", default="127.0.0.1", help="address to listen on (default: loopback only)")
    option(
        "--port",
        type=between(0, 65_535, int),
        default=0,
        help="port to listen on; 0 takes a free one",
    )
    option("--seed", type=int, help="the same seed makes the same tenant")
    option("--bounces", type=int, help="about how many bounces to plant")
    option("--months", type=int, help="months of history")
    option("--until", type=_moment, help="end of the history, ISO 8601, UTC unless it says so")
    option("--describe", type=Path, metavar="FILE.toml", help="a tenant described in TOML")
    option("--tenant", type=Path, metavar="FOLDER", help="a tenant made before")
    option("--truth", type=Path, metavar="FILE.parquet", help="write the planted truth here")
    option("--scenario", action="append", default=[], metavar="NAME",
           help="trouble for the whole run; may be repeated")  # fmt: skip
    option(
        "--scopes",
        type=_scopes,
        help="of the installed package, separated by blanks (default: all)",
    )
    option("--settable-statuses", type=_statuses, metavar="STATUSES",
           help="subscriber statuses the API may set, separated by blanks")  # fmt: skip
    option("--query-limit-s", type=between(0.001, 1e9), metavar="SECONDS",
           help="how long a query may run (default: 1800)")  # fmt: skip
    option("--live-elements", action="store_true", help="answer with elements the WSDL lacks")
    option("--speed", type=between(0.0, 1e6), default=0.0, metavar="N",
           help="world seconds per real second (default: 0)")  # fmt: skip
    option("--ens-key", choices=["text", "bytes"], default="text",
           help="how the ENS signature key is read")  # fmt: skip
    option("--token-life", type=between(0.001, 1e9), metavar="SECONDS",
           help="how long a token lives (default: 1079)")  # fmt: skip
    add_switches(serve)
    # Names are not to be cut at their hyphens.
    names = textwrap.fill(", ".join(SCENARIOS), 76, break_on_hyphens=False)
    serve.epilog, serve.formatter_class = (
        f"scenarios:\n{names}",
        argparse.RawDescriptionHelpFormatter,
    )


def _add_make(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    make = commands.add_parser("make", help="write a tenant to disk, of up to 100 million events")
    make.add_argument("--describe", type=Path, required=True, metavar="FILE.toml")
    make.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    make.add_argument("--seed", type=int, help="in place of the description's")


def _make(options: argparse.Namespace) -> int:
    from sfmc_sandbox.world.description import DescriptionInvalid, read_description
    from sfmc_sandbox.world.disk import write_tenant

    began = time.monotonic()

    def progress(done: int, jobs: int, events: int) -> None:
        if done % 50 == 0 or done == jobs:
            rate = events / (time.monotonic() - began)
            _say(f"{done} of {jobs} jobs, {events:,} events, {rate:,.0f} per second")

    try:
        plan = read_description(options.describe, seed=options.seed)
        events = write_tenant(plan, options.out, progress=progress)
    except (DescriptionInvalid, FileExistsError) as problem:
        _say(str(problem))
        return 2
    _say(f"{events:,} events in {options.out} after {time.monotonic() - began:.1f} s")
    return 0


def _add_turns(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    send = commands.add_parser("send", help="send a job from a running sandbox")
    send.add_argument("--url", required=True, help="where the sandbox is")
    send.add_argument("--mid", type=int, required=True, help="the business unit that sends")
    send.add_argument("--size", type=int, default=1000, help="to how many people")
    send.add_argument("--transactional", action="store_true", help="events go to ENS callbacks")
    clock = commands.add_parser("clock", help="move a running sandbox's clock")
    clock.add_argument("--url", required=True, help="where the sandbox is")
    clock.add_argument("--advance-s", type=float, default=0.0, help="jump ahead, seconds")
    clock.add_argument("--speed", type=float, help="world seconds per real second; 0 stands still")


def _turn(options: argparse.Namespace) -> int:
    """Tells a running sandbox to do something; its answer goes to stdout."""
    import httpx2

    told = {k: v for k, v in vars(options).items() if k not in {"command", "url"} and v is not None}
    try:
        answer = httpx2.post(f"{options.url.rstrip('/')}/_sandbox/{options.command}", json=told)
    except httpx2.HTTPError as problem:
        _say(f"no sandbox answers at {options.url}: {problem}")
        return 5
    if answer.status_code != 200:
        _say(answer.text)
        return 2
    print(answer.text)  # noqa: T201
    return 0


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as problem:
        raise argparse.ArgumentTypeError(f"no date as in 2026-06-01: {text!r}") from problem
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _serve(options: argparse.Namespace) -> int:
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="sandbox: %(message)s")
    from sfmc_sandbox.wire.trouble import Trouble, UnknownScenario

    try:
        trouble = Trouble.of(options.scenario)
    except UnknownScenario as problem:
        _say(str(problem))
        return 2
    from sfmc_sandbox.world.description import DescriptionInvalid

    try:
        sandbox = _build(options, trouble)
    except (DescriptionInvalid, FileNotFoundError) as problem:
        _say(str(problem))
        return 2
    sandbox.live_elements = options.live_elements
    if options.scopes:
        sandbox.package_scopes = options.scopes
    if options.settable_statuses:
        sandbox.settable_statuses = options.settable_statuses
    if options.query_limit_s:
        sandbox.queries.limit_s = options.query_limit_s
    apply_switches(sandbox, options)
    sandbox.ens.key_reading = options.ens_key
    sandbox.flow.clock.move(0, speed=options.speed)
    sandbox.flow.run()
    if options.token_life:
        sandbox.tokens.lifetime_s = options.token_life
    try:
        listener = listen_at(options.host, options.port)
    except OSError as problem:
        _say(f"cannot listen on {options.host}:{options.port}: {problem}")
        return 5
    with listener:
        _run(sandbox, listener)
    sandbox.close()
    return 0


def listen_at(host: str, port: int) -> socket.socket:
    """A listening socket that sends small answers at once. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family)
    # asyncio would do this for sockets of its own making; without it a small answer waits 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _build(options: argparse.Namespace, trouble: Trouble) -> Sandbox:
    from sfmc_sandbox.wire.sandbox import Sandbox

    began = time.monotonic()
    tenant = _tenant(options)
    if options.truth:
        tenant.write_truth(options.truth)
    _say(f"{tenant.truth.num_rows:,} bounces planted in {time.monotonic() - began:.1f} s")
    return Sandbox.of(tenant, trouble)


def _tenant(options: argparse.Namespace) -> Tenant:
    """From a folder, from a description, or the default one at the size asked for."""
    from sfmc_sandbox.world.description import plan_of, read_description
    from sfmc_sandbox.world.disk import open_tenant
    from sfmc_sandbox.world.tenant import make_tenant

    if options.tenant is not None:
        return open_tenant(options.tenant)
    given = {name: getattr(options, name) for name in ("seed", "months", "bounces", "until")}
    given = {name: value for name, value in given.items() if value is not None}
    if options.describe is not None:
        return make_tenant(read_description(options.describe, **given))
    return make_tenant(plan_of(given))


def _run(sandbox: Sandbox, listener: socket.socket) -> None:
    """Serves until SIGINT or SIGTERM, then ends open requests and returns."""
    import uvicorn

    from sfmc_sandbox.wire.app import make_app
    from sfmc_sandbox.wire.sftp import start_sftp
    from sfmc_sandbox.wire.tearing import TearableProtocol

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            self.sftp = await start_sftp(sandbox, host=str(listener.getsockname()[0]))
            print(json.dumps(ready_line(sandbox, listener, self.sftp)), flush=True)  # noqa: T201

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            # uvicorn raises the signal once more at the end; being asked to end is no failure.
            old = {number: signal.signal(number, self.handle_exit) for number in _ENDINGS}
            try:
                yield
            finally:
                for number, handler in old.items():
                    signal.signal(number, handler)

    config = uvicorn.Config(
        make_app(sandbox),
        http=TearableProtocol,
        log_level="critical",
        date_header=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=3,
    )
    Server(config).run(sockets=[listener])


_ENDINGS = (signal.SIGINT, signal.SIGTERM)


def ready_line(sandbox: Sandbox, listener: socket.socket, sftp: Sftp) -> dict[str, object]:
    """What a caller needs to know to use the sandbox."""
    host, port = listener.getsockname()[:2]
    named = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    url = f"http://{named}:{port}"
    return {
        "url": url,
        "auth_url": f"{url}/",
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
        "accounts": [{"mid": unit.mid, "name": unit.name} for unit in sandbox.tenant.units],
        "sends_data_extension": "bouncelens_sends",
        "planted": sandbox.tenant.truth.num_rows,
        "sftp": {
            "host": listener.getsockname()[0],
            "port": sftp.port,
            "host_key": sftp.host_key,
            "users": [
                {"user": str(unit.mid), "password": sandbox.storage.password(unit.mid)}
                for unit in sandbox.tenant.units
            ],
        },
    }


def _say(text: str) -> None:
    print(f"sandbox: {text}", file=sys.stderr, flush=True)  # noqa: T201
