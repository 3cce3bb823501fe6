"""Download of released files: with progress, continued after a break, and with a digest that is recorded at the end.

A file lies in the folder of downloaded weights, beside `NAME.sha256` with its digest. What a break has left is
`NAME.part`.
"""

import contextlib
import http.client
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from tqdm import tqdm

from data.leases import check_held, lease
from runner.machine.files import StoreError, unwritable, write_atomically
from runner.machine.messages import bytes_text
from runner.store.saved_scores import file_sha256

ATTEMPTS = 3  # at a download that breaks off
SECONDS = 30  # that a server may be silent
BLOCK = 2**20  # bytes
REMEDY = "name another folder with PRETRAINED_WEIGHTS"


def downloaded(url: str, path: Path) -> Path:
    """File of an address, which is downloaded unless it is here."""
    if path.exists():
        return checked(path)
    part = path.with_name(f"{path.name}.part")
    with contextlib.ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(lease(Path(f"{part}.lease")))  # another command may download the same file
        except OSError as error:
            raise unwritable(path, error, REMEDY) from None
        return checked(path) if path.exists() else attempted(url, part, path)


def attempted(url: str, part: Path, path: Path) -> Path:
    """A file after several attempts, each of which goes on where the one before broke off."""
    size = part.stat().st_size if part.exists() else 0
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return fetched(url, part, path)
        except (URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            if isinstance(error, HTTPError) and error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and size:
                if error.headers.get("Content-Range", "").rpartition("/")[2] == str(size):
                    return arrived(part, path)  # only its digest was left to do
                part.unlink()  # of another version of the file
                size = 0
                continue
            before, size = size, part.stat().st_size if part.exists() else 0
            if isinstance(error, HTTPError) or attempt == ATTEMPTS or size == before:
                raise ValueError(failure(url, path, error, size)) from None
    raise AssertionError("the last attempt returns or raises")


def fetched(url: str, part: Path, path: Path) -> Path:
    """The rest of a file, after what an earlier attempt has left in `part`."""
    start = part.stat().st_size if part.exists() else 0
    request = Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    with urlopen(request, timeout=SECONDS) as response:
        start = start if response.status == http.HTTPStatus.PARTIAL_CONTENT else 0
        blocks = received(response)
        first = next(blocks, b"")
        if not start and first.lstrip().startswith(b"<"):  # some are sent as text/html, others as files
            raise ValueError(f"{url} is a web page, not a file: open it in a browser, and name the file with --file")
        length = response.headers.get("Content-Length")
        total = None if length is None else start + int(length)
        bar = tqdm(total=total, initial=start, desc=path.name, unit="B", unit_scale=True, disable=None)
        try:
            with bar, part.open("ab" if start else "wb") as file:
                for block in chain([first], blocks):
                    check_held()
                    file.write(block)
                    bar.update(len(block))
                size = file.tell()
        except OSError as error:
            if isinstance(error, ConnectionError):
                raise
            raise unwritable(path, error, REMEDY) from None
    if total is not None and size != total:
        raise http.client.IncompleteRead(b"", total - size)
    return arrived(part, path)


def received(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """Blocks of an answer. Whatever stops it is a ConnectionError, unlike what stops the writing of a file."""
    try:
        while block := response.read(BLOCK):
            yield block
    except OSError as error:  # of the socket, of TLS, or a time-out
        raise ConnectionError(str(error)) from None


def arrived(part: Path, path: Path) -> Path:
    """A whole file under its name, with its digest beside it."""
    write_atomically(digest_of(path), f"{file_sha256(part)}  {path.name}\n")
    part.replace(path)
    return path


def size_of_download(url: str) -> int | None:
    """Bytes of the file at an address; None if the server does not tell, or cannot be reached."""
    try:
        with urlopen(Request(url, method="HEAD"), timeout=SECONDS) as response:
            length = response.headers.get("Content-Length")
            return None if length is None or response.headers.get_content_type() == "text/html" else int(length)
    except (OSError, http.client.HTTPException):  # of which the errors of urllib are
        return None


def failure(url: str, path: Path, error: Exception, size: int) -> str:
    """Message on a download that failed, with the number of bytes that are here."""
    if isinstance(error, HTTPError):
        remedy = f"get the file elsewhere, and save it as {path} or name it with --file"
        return f"{url} answers {error.code} {error.reason}; {remedy}"
    reason = getattr(error, "reason", None) or error
    if size:
        return f"{url} broke off after {bytes_text(size)} ({reason}); the same command goes on from there"
    return f"{url} cannot be reached ({reason}); get it on another machine, and save it as {path}"


def checked(path: Path) -> Path:
    """A file that is here, after a comparison with the digest of its arrival."""
    digest, recorded = file_sha256(path), digest_of(path)
    if not recorded.exists():
        with contextlib.suppress(StoreError):  # a folder that many share may be read-only
            write_atomically(recorded, f"{digest}  {path.name}\n")  # fetched by hand
    elif recorded.read_text().partition(" ")[0] != digest:
        raise ValueError(f"{path} was changed after it arrived: its digest differs; remove it, and {recorded.name}")
    return path


def digest_of(path: Path) -> Path:
    """File with the digest of a file, in the format of `sha256sum`."""
    return path.with_name(f"{path.name}.sha256")
