"""Server of files on this machine, which breaks off, redirects, or answers with something else."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """Server of files by name. `breaks`: numbers of bytes after which the next answers break off."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = files
        self.breaks: list[int] = []
        self.ranges: list[str | None] = []
        self.takes_ranges = True

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        asked, name = self.headers.get("Range"), self.path.removeprefix("/")
        self.server.ranges.append(asked)
        if name == "page":
            self.answer(200, {"Content-Type": "text/html; charset=utf-8"}, b"<html>sign in</html>")
        elif name.startswith("moved/"):
            self.answer(302, {"Location": f"/{name.removeprefix('moved/')}"})
        elif name in self.server.files:
            content = self.server.files[name]
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.server.takes_ranges else 0
            if start >= len(content):
                self.answer(416, {"Content-Range": f"bytes */{len(content)}"})
                return
            self.answer(206 if start else 200, {"Content-Length": str(len(content) - start)}, content[start:])
        else:
            self.send_error(404)

    do_HEAD = do_GET  # noqa: N815  (as the base class calls it)

    def answer(self, status: int, headers: dict[str, str], content: bytes = b"") -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        length = self.server.breaks.pop(0) if self.server.breaks and content else len(content)
        self.wfile.write(content[:length] if self.command == "GET" else b"")

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[Server]:
    with Server(files) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.shutdown()
