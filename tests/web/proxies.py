"""The programs that people put in front of a server, started for real with their own defaults.

Each is a function from a folder for its files, its own port and the server's port to a running process.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

NGINX = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{upstream};
            {more}
        }}
    }}
}}
"""

HAPROXY = """
defaults
    mode {mode}
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend public
    bind 127.0.0.1:{port}
    {more}
    default_backend callscribe
backend callscribe
    server one 127.0.0.1:{upstream}
"""

CADDY = """
{{
    admin off
    auto_https off
}}
http://:{port} {{
    bind 127.0.0.1
    reverse_proxy 127.0.0.1:{upstream} {{
        {more}
    }}
}}
"""


@dataclass(frozen=True)
class Proxy:
    """One program with one configuration.

    Attributes:
        program: what must be installed.
        command: its arguments; `{file}`, `{folder}`, `{port}` and `{upstream}` are filled in.
        config: the file's text, filled in likewise.
    """

    program: str
    command: tuple[str, ...]
    config: str = ""
    more: str = ""
    mode: str = ""

    @property
    def installed(self) -> bool:
        return _find(self.program) is not None

    @contextlib.contextmanager
    def running(self, folder: Path, upstream: int) -> Iterator[int]:
        """Yields the port that the world would be given."""
        port = free_port()
        values = {"folder": folder, "port": port, "upstream": upstream}
        file = folder / "config"
        file.write_text(self.config.format(**values, more=self.more, mode=self.mode))
        arguments = [part.format(**values, file=file) for part in self.command]
        with (folder / "output").open("wb") as output:
            process = subprocess.Popen(
                [_find(self.program) or self.program, *arguments],
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                cwd=folder,
                env={"HOME": str(folder), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            )
        try:
            _await(port, lambda: process.poll() is None)
            yield port
        finally:
            process.terminate()
            process.wait(30)


def _find(program: str) -> str | None:
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin:/sbin")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(port: int, alive: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
            return
        assert alive(), "the proxy did not start; see its folder"
        time.sleep(0.05)
    raise AssertionError("the proxy does not listen")


_NGINX = ("-p", "{folder}", "-c", "{file}", "-e", "{folder}/error.log")
_CADDY = ("run", "--config", "{file}", "--adapter", "caddyfile")

PROXIES = {
    "nginx-http-1.0": Proxy("nginx", _NGINX, NGINX),
    "nginx-http-1.1": Proxy(
        "nginx", _NGINX, NGINX, 'proxy_http_version 1.1; proxy_set_header Connection "";'
    ),
    "nginx-http-1.1-host": Proxy(
        "nginx", _NGINX, NGINX, "proxy_http_version 1.1; proxy_set_header Host $host;"
    ),
    "nginx-marked": Proxy(
        "nginx",
        _NGINX,
        NGINX,
        "proxy_http_version 1.1; proxy_set_header Host $host; "
        "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
    ),
    "haproxy": Proxy("haproxy", ("-f", "{file}"), HAPROXY, mode="http"),
    "haproxy-marked": Proxy("haproxy", ("-f", "{file}"), HAPROXY, "option forwardfor", mode="http"),
    "haproxy-tcp": Proxy("haproxy", ("-f", "{file}"), HAPROXY, mode="tcp"),
    "caddy": Proxy("caddy", _CADDY, CADDY),
    "caddy-unmarked": Proxy(
        "caddy",
        _CADDY,
        CADDY,
        "header_up -X-Forwarded-For\nheader_up -X-Forwarded-Proto\nheader_up -X-Forwarded-Host\nheader_up -Via",
    ),
    "nginx-upgrading": Proxy(
        "nginx",
        _NGINX,
        NGINX,
        "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;",
    ),
    "nginx-as-localhost": Proxy("nginx", _NGINX, NGINX, "proxy_set_header Host localhost;"),
    "socat-ipv6": Proxy(
        "socat",
        ("TCP6-LISTEN:{port},fork,reuseaddr,ipv6only=0", "TCP:127.0.0.1:{upstream}"),
    ),
    "socat": Proxy(
        "socat",
        ("TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr", "TCP:127.0.0.1:{upstream}"),
    ),
}
