"""`lab doctor --endpoint-url` and an emulator that speaks https with a certificate of its own, and checks keys."""

from __future__ import annotations

import datetime
import http.client
import ipaddress
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.emulator.running import LocalStack

KEY, SECRET = "PROBEKEYOFATEST", "a-secret-of-a-test"


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "emulator of a test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "certificate.pem", folder / "key.pem"


@dataclass
class Secured:
    """A LocalStack behind https that takes one key only."""

    url: str
    certificate: Path
    refused: list[str]


@pytest.fixture
def secured(localstack: LocalStack, tmp_path: Path) -> Iterator[Secured]:
    refused: list[str] = []

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if f"Credential={KEY}/" not in self.headers.get("Authorization", ""):
                refused.append(self.path)
                error = b"<ErrorResponse><Error><Code>InvalidClientTokenId</Code></Error></ErrorResponse>"
                self.answer(403, {"Content-Type": "text/xml"}, error)
                return
            inner = http.client.HTTPConnection("127.0.0.1", localstack.emulator.port, timeout=60)
            inner.request(self.command, self.path, body, dict(self.headers))
            answer = inner.getresponse()
            own = ("connection", "content-length", "transfer-encoding", "date", "server")
            headers = {name: value for name, value in answer.getheaders() if name.lower() not in own}
            self.answer(answer.status, headers, answer.read())
            inner.close()

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = handle_any  # noqa: N815

        def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    certificate, key = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Secured(f"https://127.0.0.1:{server.server_port}", certificate, refused)
    server.shutdown()
    thread.join()
    server.server_close()


def doctor(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    lab = Path(sys.executable).parent / "lab"
    return subprocess.run(
        [lab, "doctor", *arguments],
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "160", **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


@pytest.mark.needs_hook("stream_providers")  # without it LocalStack fetches a program by npm, or waits for it in vain
def test_with_its_certificate_and_keys_it_is_probed_and_no_key_is_said(secured: Secured) -> None:
    run = doctor(
        *("--endpoint-url", secured.url, "--ca-bundle", secured.certificate),
        LAB_PROBE_ACCESS_KEY=KEY,
        LAB_PROBE_SECRET_KEY=SECRET,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "missing" not in run.stdout
    assert "nothing is left" in run.stdout
    assert secured.refused == []
    assert KEY not in run.stdout + run.stderr
    assert SECRET not in run.stdout + run.stderr


def test_without_its_certificate_nothing_is_sent_and_the_option_is_named(secured: Secured) -> None:
    run = doctor("--endpoint-url", secured.url, LAB_PROBE_ACCESS_KEY=KEY, LAB_PROBE_SECRET_KEY=SECRET)
    assert run.returncode == 3
    assert f"The certificate of {secured.url} is not trusted (self-signed certificate" in run.stderr
    assert f"Next: lab doctor --endpoint-url {secured.url} --ca-bundle FILE" in run.stderr


def test_with_other_keys_it_says_so_and_not_that_everything_is_missing(secured: Secured) -> None:
    run = doctor(
        *("--endpoint-url", secured.url, "--ca-bundle", secured.certificate),
        *("--access-key", "SOMEBODYELSE", "--secret-key", SECRET),
    )
    assert run.returncode == 3
    assert f"{secured.url} does not take these keys (InvalidClientTokenId)." in run.stderr
    assert "LAB_PROBE_ACCESS_KEY=" in run.stderr
    assert "SOMEBODYELSE" not in run.stdout + run.stderr
    assert SECRET not in run.stdout + run.stderr


def test_one_that_speaks_no_https_is_told_from_one_that_is_not_trusted() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"https://127.0.0.1:{server.server_port}"
        run = doctor("--endpoint-url", url)
    finally:
        server.shutdown()
        server.server_close()
    assert run.returncode == 3
    assert f"{url} does not speak https." in run.stderr
    assert "http:// in place of https://" in run.stderr


def test_one_that_speaks_https_only_is_told_how(secured: Secured) -> None:
    run = doctor("--endpoint-url", secured.url.replace("https:", "http:"))
    assert run.returncode == 3
    assert "with https:// in the URL" in run.stderr
