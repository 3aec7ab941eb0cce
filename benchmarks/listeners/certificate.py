"""A certificate for loopback, the same for both servers."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.listeners.processes import ServerError


@dataclass(frozen=True)
class Certificate:
    """PEM files; Icecast wants the key in the same file."""

    certificate: Path
    key: Path
    both: Path


def make_certificate(folder: Path) -> Certificate:
    """Self-signed, of the kind that sites have today; raises ServerError where there is no openssl."""
    made = Certificate(folder / "certificate.pem", folder / "key.pem", folder / "both.pem")
    kind = ("-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    files = ("-subj", "/CN=localhost", "-keyout", str(made.key), "-out", str(made.certificate))
    try:
        subprocess.run(["openssl", "req", *kind, *files], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise ServerError(f"openssl cannot make a certificate: {error}") from error
    made.both.write_text(made.certificate.read_text() + made.key.read_text())
    made.both.chmod(0o644)  # Icecast reads it when it is nobody any more.
    return made
