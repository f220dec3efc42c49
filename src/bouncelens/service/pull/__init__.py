"""`pull`: everything new out of Marketing Cloud, route by route, account by account, each bounce
once. `run` is the verb; `by_soap` and `by_query` say what a route does for an account."""

from bouncelens.service.pull.asked import Asked
from bouncelens.service.pull.by_soap import totals
from bouncelens.service.pull.result import AccountPull, Progress, PullResult
from bouncelens.service.pull.run import pull

__all__ = ["AccountPull", "Asked", "Progress", "PullResult", "pull", "totals"]
