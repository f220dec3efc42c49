"""The running sandbox: a tenant, its tokens, its trouble, its open pages."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sfmc_sandbox.extensions import Extensions
from sfmc_sandbox.wire.paging import Pages
from sfmc_sandbox.wire.rowset import Rowsets
from sfmc_sandbox.wire.tokens import Tokens
from sfmc_sandbox.wire.trouble import Trouble

if TYPE_CHECKING:
    from starlette.requests import Request

    from sfmc_sandbox.world.tenant import Tenant

MAX_BODY_BYTES = 8 * 1024 * 1024


@dataclass(slots=True)
class Sandbox:
    """Everything a request may need."""

    tenant: Tenant
    extensions: Extensions
    tokens: Tokens = field(default_factory=Tokens)
    trouble: Trouble = field(default_factory=Trouble)
    pages: Pages = field(default_factory=Pages)
    rowsets: Rowsets = field(default_factory=Rowsets)
    live_elements: bool = False  # elements that live answers carry and the WSDL lacks

    @classmethod
    def of(cls, tenant: Tenant) -> Sandbox:
        """A sandbox around a tenant, with the data extensions a tenant starts with."""
        return cls(tenant, Extensions.of(tenant))

    @property
    def client_id(self) -> str:
        """The installed package's client id: the same for the same seed."""
        return hashlib.sha256(f"id {self.tenant.plan.seed}".encode()).hexdigest()[:24]

    @property
    def client_secret(self) -> str:
        """The installed package's secret. A sandbox has nothing to hide."""
        return hashlib.sha256(f"secret {self.tenant.plan.seed}".encode()).hexdigest()[:24]

    @staticmethod
    def base_url(request: Request) -> str:
        """Where the client found us, with a slash at the end."""
        return f"{request.url.scheme}://{request.url.netloc}/"
