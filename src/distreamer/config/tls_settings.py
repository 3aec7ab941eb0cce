"""What modules that accept the link, or dial it, have in common where it is encrypted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from distreamer.config.fields import Words, check_fingerprint, check_proxy
from distreamer.config.settings import ModuleSettings

KeyFile = Annotated[Path | None, Field(description="The key of CERTFILE (PEM, without a password).")]
"""KEYFILE of the modules that listen, with its text."""


def check_certificate_files(certfile: Path | None, keyfile: Path | None) -> None:
    """Raises ValueError for one without the other."""
    if (certfile is None) != (keyfile is None):
        raise ValueError("CERTFILE and KEYFILE must both be given, or neither")


class LinkCertificateSettings(ModuleSettings):
    """The certificate of those who accept."""

    certfile: Path | None = None
    """A certificate (PEM, with its chain), for the other side to connect with https:// to the same port, by TLS over
    TCP, and by QUIC. When the file changes, the new one is taken within seconds. Empty: DiStreamer makes one of its
    own at its first start and keeps it, and the log names its fingerprint; with that in FINGERPRINT, or with a
    PASSWORD and TLSVERIFY = no, the other side is sure of it. See docs/encryption.md."""

    keyfile: KeyFile = None

    @model_validator(mode="after")
    def _both_files(self) -> Self:
        check_certificate_files(self.certfile, self.keyfile)
        return self


class LinkDialSettings(ModuleSettings):
    """Which certificate those who dial take for that of their server, and the way to it."""

    tlsverify: bool = True
    """Whether the certificate of an https server must be valid. ``no`` takes any, such as the one that a DiStreamer
    makes by itself, and binds the PASSWORD to it: then somebody on the way with a certificate of his own is refused,
    and so is a proxy that stands before the server. Without PASSWORD and FINGERPRINT he would not be noticed. With
    ``yes`` QUIC is used only where the server has a valid certificate too (CERTFILE), and not only a proxy before
    it."""

    fingerprint: Annotated[
        str,
        AfterValidator(check_fingerprint),
        Words("the SHA-256 of a certificate: 64 hexadecimal digits, with colons or without"),
        Field(examples=["3F:0A:91:…"]),
    ] = ""
    """The only certificate that is taken for that of the https server, by TCP and by QUIC: its SHA-256, which a
    DiStreamer that accepts writes into its log at the start. It then need not be valid, so TLSVERIFY has no effect. A
    CERTFILE that is renewed has another one each time. Empty: any that TLSVERIFY allows."""

    proxy: Annotated[
        str,
        AfterValidator(check_proxy),
        Words("the address of an HTTP proxy that begins with http://"),
        Field(examples=["http://user:password@proxy.example:3128"]),
    ] = ""
    """An HTTP proxy through which the link goes (CONNECT), in a network that lets nothing else out. Then it goes by TCP
    only, and to a DiStreamer 3 only. Many proxies let through only what goes to port 443. Empty for none."""

    @model_validator(mode="after")
    def _proxy_can_carry_it(self) -> Self:
        if self.proxy and getattr(self, "transport", "") == "quic":
            raise ValueError("TRANSPORT = quic cannot go through a PROXY")
        return self

    @model_validator(mode="after")
    def _fingerprint_has_a_use(self) -> Self:
        addresses: Any = getattr(self, "serverurl", "")
        if self.fingerprint and "http://" in str(addresses):
            raise ValueError("FINGERPRINT needs a SERVERURL that begins with https://")
        return self
