"""Every exception we raise, in one tree.

    BouncelensError
    ├── SettingsInvalid        a settings file, key, value or secret reference is wrong   exit 2
    ├── InputInvalid           a file or argument a person gave us cannot be used          exit 2
    ├── RuleInvalid            a rule file breaks its own contract                         exit 2
    ├── QuestionInvalid        a question, or SQL a person wrote, cannot be answered       exit 2
    ├── PlanRefused            a plan may not be applied, or a run not undone, as it is      exit 1
    ├── SignInRefused          Marketing Cloud does not accept who we say we are           exit 4
    ├── SourceError            Marketing Cloud, or a file server, could not give a page    exit 5
    │   ├── PageLost           its answer did not arrive whole                             exit 5
    │   ├── Unreachable        there is no connection to it at all                         exit 5
    │   └── ForbiddenNow       the settings allow no call at this time of day              exit 5
    ├── MailRefused            a mail server did not take our message                      exit 5
    └── StoreError             the lake or the ledger cannot be read or written            exit 5
        └── LakeAbsent         there is none yet                                           exit 5

Each says what failed, with what, and what to do next. `may_retry` tells the retry loop, and
nothing else, whether trying again can help; `exit_code` is what the command line returns.
"""


class BouncelensError(Exception):
    """The root: anything a person may meet. `advice` is the next step, a full sentence."""

    exit_code = 1
    may_retry = False

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(f"{message} {advice}".strip())
        self.message, self.advice = message, advice


class SettingsInvalid(BouncelensError):
    """Settings cannot be used as written."""

    exit_code = 2


class InputInvalid(BouncelensError):
    """A file or an argument cannot be used."""

    exit_code = 2


class RuleInvalid(BouncelensError):
    """A rule breaks the contract of rule files; names the file and the rule."""

    exit_code = 2

    def __init__(self, source: str, rule: str | None, detail: str, *, advice: str = "") -> None:
        place = f"{source}, rule {rule!r}" if rule else source
        super().__init__(f"{place}: {detail}", advice=advice)
        self.source, self.rule, self.detail = source, rule, detail


class QuestionInvalid(BouncelensError):
    """A question is unknown, or its parameters or SQL are not usable."""

    exit_code = 2


class PlanRefused(BouncelensError):
    """A plan may not be applied, or a run not be undone: a guard rail, or the facts have moved."""

    exit_code = 1


class SignInRefused(BouncelensError):
    """Marketing Cloud refused the client id, the secret, the account or the scope."""

    exit_code = 4


class SourceError(BouncelensError):
    """A source could not give us a page. `retry_after_s`: what it asked us to wait, if it did."""

    exit_code = 5

    def __init__(
        self,
        source: str,
        detail: str,
        *,
        may_retry: bool,
        retry_after_s: float | None = None,
        advice: str = "",
    ) -> None:
        super().__init__(f"{source}: {detail}", advice=advice)
        self.source, self.may_retry, self.retry_after_s = source, may_retry, retry_after_s


class PageLost(SourceError):
    """The answer did not arrive whole: nobody knows whether the other side counted it as
    delivered. `is_slow`: it took too long or was too large, so asking for less can help."""

    def __init__(self, source: str, detail: str, *, is_slow: bool = False) -> None:
        super().__init__(source, detail, may_retry=True)
        self.is_slow = is_slow


class Unreachable(SourceError):
    """There is no connection to the host: nothing else will work there either."""


class ForbiddenNow(SourceError):
    """It is a time of day in which the settings allow no call. `hours`: until when, and where."""

    def __init__(self, source: str, hours: str) -> None:
        super().__init__(
            source,
            f"no call is made between {hours.replace('-', ' and ', 1)} (calls.forbidden).",
            may_retry=False,
            advice="Run it again after that; it goes on where it stopped.",
        )
        self.hours = hours


class MailRefused(BouncelensError):
    """A mail server did not take our message. `is_certain`: surely nobody got it."""

    exit_code = 5

    def __init__(
        self,
        server: str,
        detail: str,
        *,
        advice: str = "",
        is_certain: bool = True,
        may_retry: bool = False,
    ) -> None:
        super().__init__(f"{server}: {detail.rstrip('.')}.", advice=advice)
        self.server, self.is_certain, self.may_retry = server, is_certain, may_retry


class StoreError(BouncelensError):
    """The lake or the ledger is missing, corrupt, locked or not writable."""

    exit_code = 5


class LakeAbsent(StoreError):
    """There is no lake yet: nothing was pulled or imported into that place."""
