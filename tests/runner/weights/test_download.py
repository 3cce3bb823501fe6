"""Downloads from a server on this machine, which breaks off, redirects, or answers with something else."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from runner.machine.files import StoreError
from runner.weights.download import downloaded

CONTENT = bytes(range(256)) * 400


class Server(ThreadingHTTPServer):
    """Server of one file. `breaks`: numbers of bytes after which the next answers break off."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.breaks: list[int] = []
        self.ranges: list[str | None] = []
        self.takes_ranges = True

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(BaseHTTPRequestHandler):
    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        match self.path:
            case "/moved":
                self.answer(302, {"Location": "/file.pyth"})
            case "/page":
                self.answer(200, {"Content-Type": "text/html; charset=utf-8"}, b"<html>sign in</html>")
            case "/file.pyth":
                start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.server.takes_ranges else 0
                self.answer(206 if start else 200, {"Content-Length": str(len(CONTENT) - start)}, CONTENT[start:])
            case _:
                self.send_error(404)

    def answer(self, status: int, headers: dict[str, str], content: bytes = b"") -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        length = self.server.breaks.pop(0) if self.server.breaks and content else len(content)
        self.wfile.write(content[:length])

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.shutdown()


@pytest.mark.parametrize("name", ["file.pyth", "moved"])
def test_a_file_arrives_with_its_digest_and_is_not_asked_for_again(server: Server, name: str, tmp_path: Path) -> None:
    path = tmp_path / "weights" / "file.pyth"
    assert downloaded(server.url(name), path) == path and path.read_bytes() == CONTENT
    assert sorted(file.name for file in path.parent.iterdir()) == ["file.pyth", "file.pyth.sha256"]
    asked = len(server.ranges)
    assert downloaded(server.url(name), path) == path and len(server.ranges) == asked


@pytest.mark.parametrize("takes_ranges", [True, False])
def test_a_download_goes_on_where_it_broke_off(server: Server, takes_ranges: bool, tmp_path: Path) -> None:
    server.breaks, server.takes_ranges = [1000, 2000], takes_ranges
    assert downloaded(server.url("file.pyth"), tmp_path / "file.pyth").read_bytes() == CONTENT
    if takes_ranges:
        assert server.ranges == [None, "bytes=1000-", "bytes=3000-"]


def test_a_later_command_goes_on_where_the_attempts_of_an_earlier_one_ended(server: Server, tmp_path: Path) -> None:
    server.breaks = [1000, 2000, 3000]
    with pytest.raises(ValueError, match=r"broke off after 6\.0 kB .*; the same command goes on from there$"):
        downloaded(server.url("file.pyth"), tmp_path / "file.pyth")
    assert not (tmp_path / "file.pyth").exists()
    assert downloaded(server.url("file.pyth"), tmp_path / "file.pyth").read_bytes() == CONTENT
    assert server.ranges[-1] == "bytes=6000-"


@pytest.mark.parametrize(
    ("name", "message"),
    [("page", "is a web page, not a file: .*--file$"), ("other", "answers 404 Not Found; get the file elsewhere")],
)
def test_what_is_no_file_is_refused_and_leaves_nothing(server: Server, name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        downloaded(server.url(name), tmp_path / "file.pyth")
    assert list(tmp_path.iterdir()) == []


def test_without_a_network_the_place_of_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"cannot be reached .*; .*save it as {tmp_path}/file.pyth$"):
        downloaded("http://127.0.0.1:9/file.pyth", tmp_path / "file.pyth")


def test_a_file_that_changed_after_its_arrival_is_refused(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "file.pyth"
    path.write_bytes(CONTENT)  # fetched by hand
    downloaded(server.url("file.pyth"), path)
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(ValueError, match=r"changed after it arrived: .*; remove it, and file\.pyth\.sha256$"):
        downloaded(server.url("file.pyth"), path)


def test_a_full_disk_is_named_with_the_remedy(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.pyth.part").symlink_to("/dev/full")
    with pytest.raises(
        StoreError, match=r"file\.pyth: No space left on device; free space there or name another folder"
    ):
        downloaded(server.url("file.pyth"), tmp_path / "file.pyth")
