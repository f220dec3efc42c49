"""What every request passes before a page answers."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from bouncelens.show.web.guard import LOOPBACK_HOSTS, Guard, host_name

HOSTS = [
    pytest.param("127.0.0.1", "127.0.0.1", id="address"),
    pytest.param("127.0.0.1:8000", "127.0.0.1", id="address and port"),
    pytest.param("LocalHost:80", "localhost", id="letter case"),
    pytest.param("[::1]:8000", "::1", id="IPv6"),
    pytest.param("[::1]", "::1", id="IPv6 without port"),
    pytest.param("127.0.0.1.evil.example", "127.0.0.1.evil.example", id="longer name"),
]


@pytest.mark.parametrize(("header", "name"), HOSTS)
def test_reads_the_name_in_a_host_header(header: str, name: str) -> None:
    assert host_name(header) == name


@pytest.fixture
def client() -> TestClient:
    async def page(request: object) -> PlainTextResponse:
        return PlainTextResponse("page")

    app = Starlette(routes=[Route("/", page, methods=["GET", "POST"])])
    return TestClient(Guard(app, hosts=LOOPBACK_HOSTS), base_url="http://127.0.0.1:8000")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "localhost.:1"])
def test_a_foreign_name_gets_no_answer(client: TestClient, host: str) -> None:
    answer = client.get("/", headers={"host": host})
    assert answer.status_code == 421
    assert "page" not in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_pages_can_only_be_read(client: TestClient, method: str) -> None:
    answer = client.request(method, "/")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_every_answer_forbids_scripts_that_are_not_ours(client: TestClient) -> None:
    for answer in (client.get("/"), client.get("/no"), client.post("/")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
