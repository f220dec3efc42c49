"""How long a server asks to wait before the next attempt."""

from __future__ import annotations

import re

_LONGEST_TEXT = 4000  # characters; SFMC keeps no more
_LONGEST_WAIT_S = 30 * 86_400  # more is no wait but some other number

_WORDS = "an? one two three four five six ten fifteen twenty thirty sixty"
_NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_NUMBERS |= {"ten": 10, "fifteen": 15, "twenty": 20, "thirty": 30, "sixty": 60}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

# Only what is asked of the sender: neither a rate ("60 mails in 5 minutes") nor time that is gone.
_WAIT = re.compile(
    r"(?:\b(?:again|later|retry|resend|re-send|back)\b[^.;\d]{0,20}?\b(?:in|after)"
    r"|\bwait(?: for)?"
    r"|\b(?:gr[ae]y-? ?list(?:ed|ing)|blocked|deferred|delayed|suspended)\b[^.;\d]{0,20}?\bfor)"
    r" (?:at least |about |approximately |another )?"
    rf"(?:(\d\d):(\d\d):(\d\d)|(\d{{1,7}}|{_WORDS.replace(' ', '|')}) ?"
    r"(s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?|h(?:(?:ou)?rs?)?|d(?:ays?)?))\b",
    re.IGNORECASE,
)


def retry_after_s(words: str) -> int | None:
    """Seconds to wait that the first 4,000 characters of `words` ask for; None: they name none."""
    for match in _WAIT.finditer(words[:_LONGEST_TEXT]):
        wait_s = _seconds(match)
        if 0 < wait_s <= _LONGEST_WAIT_S:
            return wait_s
    return None


def _seconds(match: re.Match[str]) -> int:
    hours, minutes, seconds, number, unit = match.groups()
    if unit is None:
        return int(hours) * 3600 + int(minutes) * 60 + int(seconds)
    count = _NUMBERS.get(number.lower()) or int(number)
    return count * _SECONDS[unit[0].lower()]
