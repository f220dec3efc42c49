"""REST's answers: the error bodies of its families (fact sheet 1, 3)."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

DOCS = "https://developer.salesforce.com/docs/atlas.en-us.mc-apis.meta/mc-apis/error-handling.htm"


class RestError(Exception):
    """An error on its way out."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def response(self) -> Response:
        """The body that REST gives for it."""
        content: dict[str, object] = {
            "documentation": DOCS,
            "errorcode": self.code,
            "message": self.message,
        }
        headers = {}
        if self.status == 401:
            # Salesforce's own fuel-rest renews its token only when this says so.
            headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
        if self.code == 10006:
            # An aggregate names what it is made of (fact sheet 3).
            part = {"message": self.message, "errorcode": 10000, "documentation": ""}
            content["additionalErrors"] = [part]
        if self.code == 50100:
            content["retryAfter"] = RETRY_AFTER_S
            headers["Retry-After"] = str(RETRY_AFTER_S)
        return JSONResponse(content, self.status, headers)


RETRY_AFTER_S = 5


def not_authorized() -> RestError:
    """No token, or an expired one."""
    return RestError(401, 0, "Not Authorized")


def wrong_method(method: str) -> RestError:
    """The address is there, but not for this method."""
    told = f"The requested resource does not support http method '{method[:20]}'."
    return RestError(405, 0, told)


def not_found() -> RestError:
    """Nothing under this address."""
    return RestError(404, 0, "Not Found")


def insufficient() -> RestError:
    """The token's scopes do not cover the call."""
    return RestError(403, 20002, "Insufficient privileges to complete this action.")


def blocked() -> RestError:
    """Far too many calls: no word of when to come again."""
    return RestError(429, 50200, "Your requests are temporarily blocked.")


def throttled() -> RestError:
    """Too many calls; Retry-After says when to come again."""
    return RestError(429, 50100, "Rate limit exceeded")
