"""Where the receiving server's own words stand inside what carriers put around them."""

from __future__ import annotations

import re

# What ends where the server's words begin. The last one counts: carriers quote carriers.
_LEAD = re.compile(
    r"(?:^|(?<=[ :]))(?:smtp|x-[a-z-]{1,20}) ?; ?(?=[245#(<a-z])"
    r"|\bsaid: "  # Postfix, qmail
    r"|\brefused to talk to me: |\bdid not like our [a-z ]{2,30}: "
    r"|\b(?:other server returned was|the response (?:from the remote server )?was): "  # Gmail
    r"|\bremote server returned '|\bit responded as follows: \["  # Exchange, Domino
    r"|\brecv: |<<< "
    r"|\bsmtp error from remote (?:mail )?server after [^:]{3,40}(?::<<?[^>]{0,320}>>?)?: "
    r"host [^ ]{1,255} ?\[<ip>\]: "  # Exim
    r"|\bhost [^ ]{1,255} ?\[<ip>\] smtp error from remote (?:mail )?server after [^:]{3,40}"
    r"(?::<<?[^>]{0,320}>>?[^:]{0,40})?: "  # Exim since 4.90
    r"|\bserver after [^:]{3,40}(?::<<?[^>]{0,320}>>?)?: (?=[245]\d\d)"  # Exim behind cPanel
    r"|\bsmtp\w{0,20}(?:refused|error): [^(]{0,330}\((?=[245]\d\d, )"  # Python
    r"|\bfailedexception: (?=[245]\d\d)|\bwere rejected: (?=[245]\d\d)"  # Java, Node, PHP
    r"|\bwith message \"(?=[245]\d\d)|\bnested exception is: [^ ]{1,120}: (?=[245]\d\d)"
)
_TAIL = re.compile(
    r" ?\((?:in )?reply to [a-z ]{2,30}(?: command\)?)?[,.; ]*$|'$|\]$"
    r"|\.? giving up on [^ ]{1,60}$"  # qmail
)
_RECIPIENT = re.compile(r"<(?:<addr>|[^<>\s]{1,320})>: (?=\S)|\"?-+ ?(?=[a-z0-9])")
# A server that asked the sender's own server and quotes it: the quoted words are about the sender.
_CALLOUT = re.compile(r"sender address rejected|sender (?:verify|verification|call-?out)")
_WORD = re.compile(r"[^\W\d_]{3}")


# One of these is in every lead; most replies have none, and looking for them costs little.
_SIGNS = (
    *(";", "said: ", "talk to me: ", "not like our ", " was: ", "server returned '"),
    *("follows: [", "recv: ", "<<< ", "smtp error from ", "refused: ", "error: "),
    *(
        "server after ",
        "failedexception: ",
        "were rejected: ",
        'with message "',
        "nested exception is: ",
    ),
)


def response_span(folded: str) -> tuple[int, int]:
    """The span of lower-case, folded text that holds the server's answer; all, when in doubt."""
    start, end = 0, len(folded)
    if any(sign in folded for sign in _SIGNS):
        for found in _LEAD.finditer(folded):
            if _CALLOUT.search(folded, start, found.start()):
                break
            if _WORD.search(folded, found.end()):
                start = found.end()
    recipient = None if start else _RECIPIENT.match(folded)
    if recipient and _WORD.search(folded, recipient.end()):
        start = recipient.end()
    while (tail := _tail(folded, start, end)) and tail.start() > start:
        is_closing = len(tail[0]) == 1
        if is_closing and (start == 0 or folded.count(_OPENING[tail[0]], start, end - 1)):
            break
        end = tail.start()
    return start, end


_OPENING = {"'": "'", "]": "["}


def _tail(folded: str, start: int, end: int) -> re.Match[str] | None:
    low = max(start, end - 80)
    if folded[end - 1 : end] in _OPENING or any(
        sign in folded[low:end] for sign in ("reply to ", "giving up on ")
    ):
        return _TAIL.search(folded, low, end)
    return None
