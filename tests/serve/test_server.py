"""The server of the page: for this machine and its own page only, in size and time limited."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from symgrad.cli import main
from symgrad.errors import SymgradError
from symgrad.serve.document import page, policy
from symgrad.serve.server import LARGEST, PageServer
from symgrad.serve.workers import Workers
from tests.families import one_in

Answer = tuple[int, Mapping[str, str], str]


@pytest.fixture(scope="module")
def server() -> Iterator[PageServer]:
    made = PageServer(0, lambda request: {"asked": request.get("ask")})
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def send(server: PageServer, method: str = "POST", path: str = "/answer", body: Any = "", **headers: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    body = body.encode() if isinstance(body, str) else body
    given = {"Host": f"127.0.0.1:{server.server_port}", "Content-Type": "application/json", "Length": str(len(body))}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    length = given.pop("Length")
    for name, value in [*given.items(), *([("Content-Length", length)] if length else [])]:
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    found = answer.status, dict(answer.getheaders()), answer.read().decode()
    connection.close()
    return found


def test_the_page_is_one_document(server: PageServer) -> None:
    status, headers, text = send(server, "GET", "/")
    assert status == 200 and text == page() and headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Content-Security-Policy"] == policy() and "default-src 'none'" in policy()
    assert "http://" not in text and "https://" not in text and " src=" not in text


def test_a_request_is_answered(server: PageServer) -> None:
    status, headers, text = send(server, body='{"ask": "formula"}', Origin=f"http://127.0.0.1:{server.server_port}")
    assert status == 200 and json.loads(text) == {"asked": "formula"} and headers["Cache-Control"] == "no-store"
    by_name = f"localhost:{server.server_port}"
    assert send(server, body="{}", Host=by_name, Origin=f"http://{by_name}")[0] == 200


def test_it_is_on_loopback_only(server: PageServer) -> None:
    assert server.server_address[0] == "127.0.0.1" and server.address == f"http://127.0.0.1:{server.server_port}/"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{}", "127.0.0.1", "", "127.0.0.1:{}.evil.example"])
@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("POST", "/answer")])
def test_a_foreign_host_is_refused(server: PageServer, host: str, method: str, path: str) -> None:
    status, _, text = send(server, method, path, "{}", Host=host.format(server.server_port))
    assert status == 403 and "this machine only" in text


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1", "http://localhost:{}"])
def test_a_foreign_origin_is_refused(server: PageServer, origin: str) -> None:
    status, _, text = send(server, body="{}", Origin=origin.format(server.server_port))
    assert status == 403 and "another page" in text


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ("{}", {"Content_Type": "text/plain"}, 415),
        ("{}", {"Length": ""}, 411),
        ("{}", {"Length": "-1"}, 411),
        ("{}", {"Length": "two"}, 411),
        ("{}", {"Length": str(LARGEST + 1)}, 413),
        ("x" * LARGEST, {}, 400),
        ("", {}, 400),
        ("[]", {}, 400),
        ("[" * 9000, {}, 400),
        ("{", {}, 400),
        (b"\xff\xfe{", {}, 400),
    ],
)
def test_what_is_no_request_is_refused(server: PageServer, body: Any, headers: dict[str, str], status: int) -> None:
    found, _, text = send(server, body=body, **headers)
    assert found == status and json.loads(text)["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/answer", 404), ("GET", "/../pyproject.toml", 404), ("POST", "/", 404), ("PUT", "/answer", 501)],
)
def test_there_is_nothing_else(server: PageServer, method: str, path: str, status: int) -> None:
    assert send(server, method, path)[0] == status


def test_a_port_in_use_is_said(server: PageServer, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SymgradError, match=f"port {server.server_port} is in use; choose another one with --port"):
        PageServer(server.server_port, lambda request: {})
    assert main(["serve", "--port", str(server.server_port), "--no-browser"]) == 2
    assert "is in use" in capsys.readouterr().err


@pytest.mark.long
def test_what_takes_too_long_is_ended_and_the_next_is_answered() -> None:
    workers = Workers(seconds=2.0)
    try:
        quick = {"ask": "formula", "text": "x^2", "shapes": {}, "by": []}
        assert "math" in workers.answer(quick)
        started = time.monotonic()
        late = workers.answer({**quick, "text": "9^(9^9)"})  # a number of 370 million digits
        assert late == {"error": {"message": "this took longer than 2 s, and was ended"}}
        assert time.monotonic() - started < 20
        assert "math" in workers.answer(quick)
        assert "asks for one of" in workers.answer({"ask": "everything"})["error"]["message"]
    finally:
        workers.close()


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("how", one_in(4, [signal.SIGINT, signal.SIGTERM]))
def test_it_ends_cleanly(how: signal.Signals) -> None:
    script = "from symgrad.cli import main; exit(main(['serve', '--port', '0', '--no-browser']))"
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert "the page is at http://127.0.0.1:" in process.stdout.readline()
    process.send_signal(how)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "ended\n", "")
