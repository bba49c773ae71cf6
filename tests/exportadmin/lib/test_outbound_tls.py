"""Who is reached by name shows a certificate of that name, although the guard chose the address."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from exportadmin.lib.addresses import HostPort
from exportadmin.lib.errors import PermanentError
from exportadmin.lib.http import Guard, session
from tests.support.canary import response

NAME = "store.example"


class TlsServer:
    """Answers 200 to each; keeps the name that the last client asked for (SNI)."""

    def __init__(self, certificate: Path) -> None:
        self.asked: str | None = None
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._context.sni_callback = self._keep
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _keep(self, _: Any, name: str | None, __: Any) -> None:
        self.asked = name

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), self._context.wrap_socket(plain, server_side=True) as connection:
                connection.recv(65536)
                connection.sendall(response(200, b"rows"))

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def certificate(tmp_path: Path) -> Callable[[str], Path]:
    """A self-signed certificate of a name, with its key, in one file."""

    def make(name: str) -> Path:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        try:
            other: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            other = x509.DNSName(name)
        now = datetime.datetime.now(datetime.UTC)
        built = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([other]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        path = tmp_path / f"{name}.pem"
        path.write_bytes(
            built.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return path

    return make


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], TlsServer]]:
    """Servers on 127.0.0.1, which :data:`NAME` leads to."""
    real = socket.getaddrinfo

    def resolve(host: str, *arguments: Any, **named: Any) -> Any:
        return real("127.0.0.1" if host == NAME else host, *arguments, **named)

    monkeypatch.setattr("exportadmin.lib.http.socket.getaddrinfo", resolve)
    with contextlib.ExitStack() as stack:

        def start(certificate: Path) -> TlsServer:
            server = TlsServer(certificate)
            stack.callback(server.close)
            return server

        yield start


def get(server: TlsServer, bundle: Path | None) -> bytes:
    guard = Guard(private=(HostPort(NAME, server.port),), ca_bundle=str(bundle) if bundle else None)
    url = f"https://{NAME}:{server.port}"
    return session(guard, url).get(url).content


def test_a_certificate_of_the_name_is_taken_and_the_name_is_told(certificate: Any, serve: Any):
    bundle = certificate(NAME)
    server = serve(bundle)
    assert get(server, bundle) == b"rows"
    assert server.asked == NAME


def test_one_that_nobody_signed_is_not(certificate: Any, serve: Any):
    with pytest.raises(PermanentError, match=r"certificate of https://store\.example:[0-9]+ is not trusted"):
        get(serve(certificate(NAME)), None)


def test_one_of_another_name_or_of_the_address_is_not(certificate: Any, serve: Any):
    for other in ("elsewhere.example", "127.0.0.1"):
        bundle = certificate(other)
        with pytest.raises(PermanentError, match="is not trusted"):
            get(serve(bundle), bundle)
