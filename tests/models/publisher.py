"""A small model archive, and a server that can do everything a real one does wrong."""

from __future__ import annotations

import hashlib
import io
import threading
import zipfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from callscribe.models.catalogue import CatalogueEntry

NAME = "vosk-model-small-xx-0.1"

FILES = {
    "am/final.mdl": b"acoustic" * 4000,
    "conf/model.conf": b"--beam=10\n",
    "conf/mfcc.conf": b"--use-energy=false\n--sample-frequency=8000\n",
    "graph/HCLG.fst": bytes(range(256)) * 400,
    "graph/words.txt": b"hello 1\n",
}


def archive(files: dict[str, bytes] | None = None, top: str = NAME + "/") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as out:
        for name, content in (FILES if files is None else files).items():
            out.writestr(top + name, content)
    return packed.getvalue()


@dataclass
class Served:
    """One address: what it holds and how it misbehaves."""

    body: bytes = b""
    status: int = 200
    etag: str = '"one"'
    content_type: str = ""
    ranges: bool = True
    break_after: list[int] = field(default_factory=list)
    """For each request in turn: close the connection after so many bytes. Then serve all."""
    headers: dict[str, str] = field(default_factory=dict)
    """More of them, or others."""
    at_most: int = 0
    """Answer a request for the rest with so many bytes of it, as a part that is whole."""
    endless: bool = False
    """Send the body again and again, its length unsaid."""
    hang: bool = False
    """Send the headers and then nothing, until the server is closed."""
    requests: list[dict[str, str]] = field(default_factory=list)


class Publisher:
    """A local HTTP server with a dictionary of addresses."""

    def __init__(self) -> None:
        self.paths: dict[str, Served] = {}
        self.closing = threading.Event()
        publisher = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                publisher.answer(self)

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                """Clients that went in the middle of an answer."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        served = self.paths.get(urlsplit(request.path).path, Served(status=404))
        served.requests.append(dict(request.headers.items()))
        body, status = served.body, served.status
        headers = {"ETag": served.etag} if served.etag else {}
        if served.content_type:
            headers["Content-Type"] = served.content_type
        asked = request.headers.get("Range", "")
        known = served.headers.get("Last-Modified", served.etag)
        same = request.headers.get("If-Range", known) in (known, served.etag)
        if status == 200 and served.ranges and asked and same:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(body):
                status, headers["Content-Range"] = 416, f"bytes */{len(body)}"
                body = b""
            else:
                status = 206
                headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
                body = body[start:]
                if served.at_most:
                    body = body[: served.at_most]
                    last = start + len(body) - 1
                    headers["Content-Range"] = f"bytes {start}-{last}/{len(served.body)}"
        cut = served.break_after.pop(0) if served.break_after else len(body)
        headers |= served.headers
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        if served.endless:
            request.close_connection = True
            request.send_header("Connection", "close")
        else:
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if served.hang:
            self.closing.wait()
        try:
            while True:
                request.wfile.write(body[:cut])
                if not served.endless:
                    break
        except OSError:
            return  # the client went first
        if cut < len(body):
            request.close_connection = True

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def entry(
    publisher: Publisher, body: bytes, *, name: str = NAME, checksum: str = "md5"
) -> CatalogueEntry:
    """The catalogue's entry for an archive, with a right checksum."""
    digest = f"{checksum}:{hashlib.new(checksum, body).hexdigest()}" if checksum else ""
    return CatalogueEntry(
        name=name,
        language="xx",
        language_name="Xish",
        kind="small",
        size=len(body),
        checksum=digest,
        licence="MIT",
        url=f"{publisher.url}/{name}.zip",
    )


def make_model(folder: Path, files: dict[str, bytes] | None = None) -> Path:
    """A model's files in a folder."""
    for name, content in (FILES if files is None else files).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder
