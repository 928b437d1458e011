"""A small stand-in for the carrier's REST API over HTTP: keeps numbers, answers in pages, fails on demand."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

ACCOUNT = "AC" + "0" * 32
TOKEN = "right-token"


def number(serial: int, **more: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "sid": f"PN{serial:032x}",
        "account_sid": ACCOUNT,
        "phone_number": f"+1500555{serial:04}",
        "friendly_name": f"Line {serial}",
        "capabilities": {"voice": True, "sms": True, "mms": False, "fax": False},
        "voice_url": "https://before.example/voice",
        "voice_method": "GET",
        "status_callback": "",
        "status_callback_method": "POST",
        "voice_application_sid": "",
        "trunk_sid": None,
    }
    return facts | more


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, list[str]]
    form: dict[str, list[str]]


Trouble = Callable[[Request], tuple[int, dict[str, str], Any] | None]


@dataclass
class Api:
    """The state, and what has been asked."""

    numbers: list[dict[str, Any]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    trouble: Trouble | None = None
    """Answers instead of the API when it returns something."""
    url: str = ""
    page_size: int = 2

    def answer(self, request: Request, authorization: str) -> tuple[int, dict[str, str], Any]:
        self.requests.append(request)
        if self.trouble is not None:
            answered = self.trouble(request)
            if answered is not None:
                return answered
        expected = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        if authorization != f"Basic {expected}":
            return error(401, 20003, "Authenticate")
        base = f"/2010-04-01/Accounts/{ACCOUNT}"
        path = request.path.removeprefix(base)
        if path == ".json":
            return (
                200,
                {},
                {"sid": ACCOUNT, "friendly_name": "Test", "status": "active", "type": "Full"},
            )
        if path == "/IncomingPhoneNumbers.json":
            return 200, {}, self.list(request, base)
        for item in self.numbers:
            if path == f"/IncomingPhoneNumbers/{item['sid']}.json":
                if request.method == "POST":
                    names = {
                        "VoiceUrl": "voice_url",
                        "VoiceMethod": "voice_method",
                        "StatusCallback": "status_callback",
                        "StatusCallbackMethod": "status_callback_method",
                    }
                    item.update({names[name]: values[0] for name, values in request.form.items()})
                return 200, {}, item
        return error(404, 20404, f"The requested resource {request.path} was not found")

    def list(self, request: Request, base: str) -> dict[str, Any]:
        wanted = request.query.get("PhoneNumber", [""])[0]
        items = [n for n in self.numbers if not wanted or n["phone_number"] == wanted]
        page = int(request.query.get("Page", ["0"])[0])
        size = self.page_size
        more = len(items) > (page + 1) * size
        return {
            "incoming_phone_numbers": items[page * size : (page + 1) * size],
            "page": page,
            "page_size": size,
            "next_page_uri": f"{base}/IncomingPhoneNumbers.json?Page={page + 1}" if more else None,
        }


def error(status: int, code: int, message: str) -> tuple[int, dict[str, str], Any]:
    body = {"code": code, "message": message, "more_info": "", "status": status}
    return status, {}, body


def serve(api: Api) -> tuple[ThreadingHTTPServer, threading.Thread]:
    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            form = parse_qs(self.rfile.read(length).decode(), keep_blank_values=True)
            request = Request(self.command, parts.path, parse_qs(parts.query), form)
            status, headers, body = api.answer(request, self.headers.get("Authorization", ""))
            data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = _handle

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    return server, thread
