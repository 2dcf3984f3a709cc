"""The server of the page: of this machine only, for requests of the page only, of limited size."""

import errno
import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from symgrad.errors import SymgradError
from symgrad.serve.document import page, policy

LOOPBACK = "127.0.0.1"
LARGEST = 20_000  # bytes of a request: a page of formulas has two thousand
PATIENCE = 10.0  # seconds in which a request has to be sent

Answering = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class PageServer(ThreadingHTTPServer):
    """Serves the page at `/` and answers at `/answer`.

    Parameters
    ----------
    port : the port of this machine, or 0 for one that is free.
    answering : gives the answer to a request.

    Raises
    ------
    SymgradError : the port is in use, or may not be used.
    """

    daemon_threads = True

    def __init__(self, port: int, answering: Answering) -> None:
        self.answering = answering
        try:
            super().__init__((LOOPBACK, port), _Handler)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            why = "is in use" if error.errno == errno.EADDRINUSE else "needs rights that you do not have"
            raise SymgradError(
                f"port {port} {why}; choose another one with --port, or --port 0 for any that is free"
            ) from None
        self.hosts = {f"{name}:{self.server_port}" for name in (LOOPBACK, "localhost")}

    @property
    def address(self) -> str:
        """Where a browser finds the page."""
        return f"http://{LOOPBACK}:{self.server_port}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away before it has its answer is no error."""


class _Handler(BaseHTTPRequestHandler):
    """One request. Host and Origin are checked: other pages in the user's browser may send requests here, too."""

    server: PageServer
    timeout = PATIENCE
    server_version, sys_version = "symgrad", ""

    def do_GET(self) -> None:
        if not self._is_ours():
            return
        if self.path != "/":
            self._refuse(HTTPStatus.NOT_FOUND, "there is one page, /")
            return
        self._send(page().encode(), "text/html; charset=utf-8")

    def do_POST(self) -> None:
        if not self._is_ours():
            return
        if self.path != "/answer":
            self._refuse(HTTPStatus.NOT_FOUND, "requests are sent to /answer")
            return
        if self.headers.get_content_type() != "application/json":
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "a request is JSON")
            return
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "a request says its length")
            return
        if int(length) > LARGEST:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a request has at most {LARGEST} bytes")
            return
        try:
            request = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            request = None
        if not isinstance(request, dict):
            self._refuse(HTTPStatus.BAD_REQUEST, "a request is a JSON object")
            return
        self._send(json.dumps(self.server.answering(request)).encode(), "application/json")

    def _is_ours(self) -> bool:
        """Whether a request comes from the page; if not, it is refused."""
        host, origin = self.headers.get("Host", ""), self.headers.get("Origin")
        if host not in self.server.hosts:
            self._refuse(HTTPStatus.FORBIDDEN, "this page is for this machine only")
        elif origin is not None and origin != f"http://{host}":
            self._refuse(HTTPStatus.FORBIDDEN, "this request comes from another page")
        else:
            return True
        return False

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        self._send(json.dumps({"error": {"message": message}}).encode(), "application/json", status)

    def _send(self, body: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        headers = {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "Content-Security-Policy": policy(),
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """The terminal stays quiet."""
