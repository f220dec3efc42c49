"""What the server's words name: addresses, IPs, hosts, links and vendors' own codes."""

from __future__ import annotations

import re
from ipaddress import ip_address

from bouncelens.bounce import Facts

_MOST = 16  # of a kind; a reply that names more is not worth more

_URL = re.compile(r"\bhttps?: ?//[^\s<>\"'()\[\]{}|]{1,500}", re.IGNORECASE)
_ADDRESS = re.compile(r"(?<![\w.+%-])[\w.+%=-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_IPV4 = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])", re.IGNORECASE)
_HOST = re.compile(
    r"(?<![\w@.-])(?:[a-z0-9_][\w-]{0,62}\.){1,8}[a-z]{2,24}(?![\w@-]|\.\w)", re.IGNORECASE
)
# Codes that vendors document; the rules hold what they mean.
_VENDOR = re.compile(
    r"(?<![\w.])("
    r"S[23]\d{3}|A?S77\d{3}|AS\d{8,9}|OU-\d{3}|RP-\d{3}|SC-\d{3}|DY-\d{3}"  # Microsoft
    r"|TS[SP]?\d{2}|BL\d{2}|CON\d|PH\d{2}|DYN:T1|RLY:[A-Z0-9]{2}|HVU:B\d|CHON?:[A-Z0-9]{2}"  # AOL
    r"|OFR_?\d{3}|LPN\d{3}_\d{1,3}|SFR\d{3}"  # Orange, La Poste
    r"|(?:AUP#|BL0|DM0|RL0|BK0|CM0|ESMTP0|FZ0)[A-Z0-9]+|AUP#[A-Z]+-?[A-Z0-9]*"  # Charter, Comcast
    r"|(?:HM|CS|IB|OLC|MXIN)\d{2,3}|B-?URL|DT:[A-Z0-9]{2,4}|MI:[A-Z0-9]{2,4}|RP:[A-Z0-9]{2,4}"
    r"|S800\d|(?:AUP#)?IPBL[01]{3,4}|AUP#In?-\d{4}|LIB_\d{3}|(?:RCP|POL|CON|MSG|INT|DNS)-[PT]\d"
    r"|(?:HL|WM):[A-Z]{3}|ES0[01]{5}"  # NetEase, Comcast; the line before: Cox, Libero, Facebook
    r"|JunkMail rejected|PERM_FAILURE|p=[A-Z][A-Za-z]{5,40}"
    r"|[245]\.7\.[567]\d{2}"
    r")(?![\w-])"
)


def facts_in(words: str) -> Facts:
    """The facts in `words`, each kind in order of appearance, without repeats, at most 16."""
    urls = _some(_URL, words, lambda url: url.replace(": //", "://").rstrip(".,;:!?"))
    bare = _URL.sub(" ", words) if urls else words
    addresses = _some(_ADDRESS, bare) if "@" in bare else ()
    ips = tuple(ip for ip in (*_some(_IPV4, words), *_some(_IPV6, words)) if _is_ip(ip))
    return Facts(
        addresses=addresses,
        ips=ips[:_MOST],
        urls=urls,
        hosts=_some(_HOST, bare, str.lower) if "." in bare else (),
        vendor_codes=_some(_VENDOR, words),
    )


def _some(pattern: re.Pattern[str], words: str, shape=str) -> tuple[str, ...]:  # type: ignore[no-untyped-def]
    found: dict[str, None] = {}
    for match in pattern.finditer(words):
        found[shape(match[0])] = None
        if len(found) == _MOST:
            break
    return tuple(found)


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
