"""A certificate for 127.0.0.1, and a master and worker processes that talk TLS with it."""

from __future__ import annotations

import datetime as dt
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Tls:
    """A self-signed certificate in a directory of its own, for an address; good until in `hours`."""

    def __init__(self, directory: Path, address: str = "127.0.0.1", hours: int = 1) -> None:
        self._directory = directory
        directory.mkdir(parents=True)
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
        now = dt.datetime.now(dt.timezone.utc)
        subject = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=24))
            .not_valid_after(now + dt.timedelta(hours=hours))
            .add_extension(subject, critical=False)
            .sign(key, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        (directory / "trusted.pem").write_bytes(certificate.public_bytes(pem))
        (directory / "key").write_bytes(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )

    def extra(self, port: int) -> str:
        """`RealMaster(extra=...)`: workers come to `port` by TLS, and not otherwise."""
        endpoint = f"ssl:{port}:interface=127.0.0.1:privateKey={self._directory / 'key'}"
        endpoint += f":certKey={self._directory / 'trusted.pem'}"
        return f"c['protocols'] = {{'pb': {{'port': {endpoint!r}}}}}\n"

    def connection(self, port: int) -> str:
        """`worker(connection=...)`: by TLS to `port`."""
        return f"tls:127.0.0.1:{port}:trustRoots={self._directory}"
