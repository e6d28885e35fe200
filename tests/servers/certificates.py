"""Certificates for tests, made by the openssl command: an authority, and one certificate for 127.0.0.1 with its key."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificates:
    ca: Path
    certificate: Path
    key: Path
    encrypted_key: Path
    """the same key under the passphrase `secret`"""


def make_certificates(folder: Path) -> Certificates:
    """Elliptic keys, because those are made at once; valid for two days."""
    made = Certificates(folder / "ca.pem", folder / "own.pem", folder / "own.key", folder / "own-encrypted.key")
    key_options = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    _openssl("req", "-x509", *key_options, "-keyout", folder / "ca.key", "-out", made.ca, "-subj", "/CN=test-ca")
    names = ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"]
    own: list[str | Path] = ["-subj", "/CN=test", *names, "-CA", made.ca, "-CAkey", folder / "ca.key"]
    _openssl("req", "-x509", *key_options, *own, "-keyout", made.key, "-out", made.certificate)
    _openssl("pkey", "-in", made.key, "-aes128", "-passout", "pass:secret", "-out", made.encrypted_key)
    return made


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
