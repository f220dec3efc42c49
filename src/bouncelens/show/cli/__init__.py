"""The command line. `main` is the program: it returns the exit codes of the design.

0 ok · 1 findings · 2 usage · 3 partial · 4 authentication · 5 source unavailable · 130 stopped by
Ctrl-C · 143 stopped by whoever runs us.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Sequence

STOPPED = 130
_NO_ROOM = 5
# How a scheduler, a container or a closing terminal ends a program.
_ENDINGS = ("SIGTERM", "SIGHUP")


class Ended(SystemExit):
    """Somebody else than the person at the keyboard stops us; we tidy up all the same."""

    def __str__(self) -> str:
        return f"Stopped by {signal.Signals(int(self.code or 0) - 128).name}."


def main() -> None:
    """The program `bouncelens`."""
    for name in _ENDINGS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:  # not under nohup
            signal.signal(number, _end)
    sys.exit(run(sys.argv[1:]))


def _end(number: int, frame: object) -> None:
    """By itself SIGTERM kills at once, and a query would stay behind in Marketing Cloud."""
    del frame
    raise Ended(128 + number)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code. Only bugs leave a trace."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal without a letter must not stop a report
            stream.reconfigure(errors="replace")
    try:
        code = _command(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has enough, as in `| head`: point what is left to nowhere.
        _drop_the_rest()
        return 0
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        _drop_the_rest()
        print(f"Error: There is no room for the output: {error.strerror}.", file=sys.stderr)  # noqa: T201
        return _NO_ROOM
    except KeyboardInterrupt:
        code = STOPPED
    except Ended as ended:
        print(ended, file=sys.stderr)  # noqa: T201
        raise
    if code == STOPPED:
        print("Stopped.", file=sys.stderr)  # noqa: T201
    return code


def _drop_the_rest() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _command(arguments: Sequence[str]) -> int:
    from typer import Abort, TyperException
    from typer.main import get_command

    from bouncelens.errors import BouncelensError
    from bouncelens.show.cli.app import app_for

    try:
        program = get_command(app_for(arguments))
        code = program.main(list(arguments), prog_name="bouncelens", standalone_mode=False)
    except Abort:
        return STOPPED
    except TyperException as error:  # usage: typer knows how to say it
        show = getattr(error, "show", None)
        if show is not None:
            show()
        return int(getattr(error, "exit_code", 2))
    except SystemExit as ended:  # typer's own answer to a reader that went away
        if isinstance(ended.__context__, BrokenPipeError):
            raise ended.__context__ from None
        raise
    except BouncelensError as error:
        from bouncelens.show.cli.screen import say_error

        say_error(error)
        return error.exit_code
    return code if isinstance(code, int) else 0
