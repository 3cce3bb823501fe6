"""Downloads from a server on this machine, which breaks off, redirects, or answers with something else."""

import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPResponse
from pathlib import Path

import pytest

from runner.machine.files import StoreError
from runner.weights.download import downloaded, size_of_download
from tests.runner.weights.server import Server, serving

CONTENT = bytes(range(256)) * 400


@pytest.fixture
def server() -> Iterator[Server]:
    with serving({"file.pyth": CONTENT, "page.pyth": b"\n<!DOCTYPE html><html>"}) as running:
        yield running


@pytest.mark.parametrize("name", ["file.pyth", "moved/file.pyth"])
def test_a_file_arrives_with_its_digest_and_is_not_asked_for_again(server: Server, name: str, tmp_path: Path) -> None:
    path = tmp_path / "weights" / "file.pyth"
    assert downloaded(f"{server.address}/{name}", path) == path and path.read_bytes() == CONTENT
    assert sorted(file.name for file in path.parent.glob("*[!k]")) == ["file.pyth", "file.pyth.sha256"]
    asked = len(server.ranges)
    assert downloaded(f"{server.address}/{name}", path) == path and len(server.ranges) == asked


@pytest.mark.parametrize("takes_ranges", [True, False])
def test_a_download_goes_on_where_it_broke_off(server: Server, takes_ranges: bool, tmp_path: Path) -> None:
    server.breaks, server.takes_ranges = [1000, 2000], takes_ranges
    assert downloaded(f"{server.address}/file.pyth", tmp_path / "file.pyth").read_bytes() == CONTENT
    if takes_ranges:
        assert server.ranges == [None, "bytes=1000-", "bytes=3000-"]


def test_a_later_command_goes_on_where_the_attempts_of_an_earlier_one_ended(server: Server, tmp_path: Path) -> None:
    server.breaks = [1000, 2000, 3000]
    with pytest.raises(ValueError, match=r"broke off after 6\.0 kB .*; the same command goes on from there$"):
        downloaded(f"{server.address}/file.pyth", tmp_path / "file.pyth")
    assert not (tmp_path / "file.pyth").exists()
    assert downloaded(f"{server.address}/file.pyth", tmp_path / "file.pyth").read_bytes() == CONTENT
    assert server.ranges[-1] == "bytes=6000-"


def test_a_fault_of_the_connection_is_none_of_the_disk(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, faults = HTTPResponse.read, iter([None, ssl.SSLError("bad record mac"), None, OSError("no route to host")])

    def read_part(self: HTTPResponse, _: int) -> bytes:
        if (fault := next(faults, None)) is not None:
            raise fault
        return read(self, 30_000)

    monkeypatch.setattr(HTTPResponse, "read", read_part)
    assert downloaded(f"{server.address}/file.pyth", tmp_path / "file.pyth").read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=30000-", "bytes=60000-"]


def test_a_page_in_place_of_the_rest_of_a_file_leaves_what_has_arrived(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "file.pyth"
    path.with_name("file.pyth.part").write_bytes(CONTENT[:1000])
    with pytest.raises(ValueError, match="is a web page"):
        downloaded(f"{server.address}/page", path)
    assert downloaded(f"{server.address}/file.pyth", path).read_bytes() == CONTENT
    assert server.ranges == ["bytes=1000-", "bytes=1000-"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("page", "is a web page, not a file: .*--file$"),
        ("page.pyth", "is a web page, not a file: .*--file$"),
        ("other", "answers 404 Not Found; get the file elsewhere"),
    ],
)
def test_what_is_no_file_is_refused_and_leaves_nothing(server: Server, name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        downloaded(f"{server.address}/{name}", tmp_path / "file.pyth")
    assert list(tmp_path.glob("*[!k]")) == []  # but for the lock


def test_a_whole_part_needs_its_digest_alone_and_one_of_another_version_starts_again(
    server: Server, tmp_path: Path
) -> None:
    for content in (CONTENT, CONTENT + b"older"):
        path = tmp_path / f"{len(content)}.pyth"
        path.with_name(f"{path.name}.part").write_bytes(content)
        assert downloaded(f"{server.address}/file.pyth", path).read_bytes() == CONTENT
    assert server.ranges == [f"bytes={len(CONTENT)}-", f"bytes={len(CONTENT) + 5}-", None]


def test_two_commands_that_need_a_file_download_it_once(server: Server, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda _: downloaded(f"{server.address}/file.pyth", tmp_path / "file.pyth"), range(4)))
    assert server.ranges == [None] and paths[0].read_bytes() == CONTENT


def test_without_a_network_the_place_of_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"cannot be reached .*; .*save it as {tmp_path}/file.pyth$"):
        downloaded("http://127.0.0.1:9/file.pyth", tmp_path / "file.pyth")


def test_a_file_that_changed_after_its_arrival_is_refused(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "file.pyth"
    path.write_bytes(CONTENT)  # fetched by hand
    downloaded(f"{server.address}/file.pyth", path)
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(ValueError, match=r"changed after it arrived: .*; remove it, and file\.pyth\.sha256$"):
        downloaded(f"{server.address}/file.pyth", path)


def test_a_full_disk_is_named_with_the_remedy(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.pyth.part").symlink_to("/dev/full")
    with pytest.raises(
        StoreError, match=r"file\.pyth: No space left on device; free space there or name another folder"
    ):
        downloaded(f"{server.address}/file.pyth", tmp_path / "file.pyth")


def test_the_size_is_known_before_the_download_if_the_server_tells_it(server: Server) -> None:
    assert size_of_download(f"{server.address}/moved/file.pyth") == len(CONTENT)
    assert size_of_download(f"{server.address}/page") is size_of_download(f"{server.address}/other") is None
    assert size_of_download("http://127.0.0.1:9/file.pyth") is None
