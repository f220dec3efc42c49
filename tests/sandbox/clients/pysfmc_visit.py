"""Visits a sandbox with pysfmc; says what it saw as one JSON object. Runs in .clients/pysfmc."""

import json
import sys

from pydantic import SecretStr
from pysfmc import SFMCClient
from pysfmc.auth import SFMCSettings

ready = json.loads(sys.argv[1])


class Settings(SFMCSettings):
    """Its host is made from a subdomain; everything else comes with the token."""

    @property
    def auth_base_url(self):
        return SecretStr(ready["url"])


client = SFMCClient(
    settings=Settings(
        client_id=ready["client_id"],
        client_secret=ready["client_secret"],
        account_id=str(ready["accounts"][1]["mid"]),
        subdomain="any",
    )
)
seen = {
    "unit": client.get("/platform/v1/tokenContext")["organization"]["id"],
    "folders": client.assets.categories.get_categories().count,
    "rows": client.get("/data/v1/customobjectdata/key/bouncelens_sends/rowset")["count"],
}
print(json.dumps(seen))  # noqa: T201
