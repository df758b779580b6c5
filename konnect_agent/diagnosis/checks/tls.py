"""The TLS handshake with the server, and what is wrong with its certificate if it is refused.

The same authorities are trusted as for every call. OpenSSL's verification codes tell the reasons apart
(X509_V_ERR_* of x509_vfy.h). Behind an HTTP proxy the handshake goes through its tunnel, where a proxy that
opens TLS shows itself by a certificate of its own.
"""

from __future__ import annotations

import os
import ssl
from datetime import UTC, datetime
from typing import Any

import anyio
from anyio.streams.tls import TLSAttribute, TLSStream

from konnect_agent.diagnosis.case import Case
from konnect_agent.diagnosis.check import Seen, check, ok, skipped
from konnect_agent.diagnosis.checks.network import first_stream, tcp
from konnect_agent.diagnosis.proxies import open_tunnel
from konnect_agent.errors import ConfigError, Unreachable
from konnect_agent.http_client import trusted_certificates

_AUTHORITY_HINT = (
    "This is a server with a private authority, or a proxy or firewall that opens TLS. Get its authority's "
    "certificate from whoever runs it, as PEM, and name the file in SSL_CERT_FILE."
)
_PROBLEMS = {
    9: ("is not valid yet", "Check this machine's clock first; a certificate of tomorrow is rare."),
    10: ("has expired", "Check this machine's clock; if it is right, the server's owner has to renew it."),
    18: ("is signed by itself, and nobody vouches for it", _AUTHORITY_HINT),
    19: ("is of an authority this machine does not know", _AUTHORITY_HINT),
    20: ("is of an authority this machine does not know", _AUTHORITY_HINT),
    21: ("comes without the authority it is of", _AUTHORITY_HINT),
    23: ("has been revoked", "Do not go on; ask the server's owner."),
    62: ("is for another name", "Check the URL: whoever answers is not who was asked for."),
    64: ("is for another address", "Check the URL: certificates are mostly for names, so use the name."),
}
_NO_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"}
_PORT_HINT = "Check scheme and port of the URL: https on port 443."


@check(needs=(tcp,))
async def tls(case: Case) -> Seen:
    """Whether the server proves who it is."""
    if case.target.scheme == "http":
        return skipped("plain http: nothing is encrypted")
    if case.proxy is not None and case.proxy.scheme != "http":
        return skipped(f"not looked at through a {case.proxy.scheme} proxy")
    host, trusted = case.target.host, _trusted()
    async with await first_stream(case) as stream:
        if case.proxy is not None:
            await open_tunnel(case.proxy, case.target, stream)
        try:
            secured = await TLSStream.wrap(
                stream, server_side=False, hostname=host, ssl_context=trusted, standard_compatible=False
            )
        except ssl.SSLCertVerificationError as error:
            raise _untrusted(error, host) from None
        except ssl.SSLError as error:
            said = f"The TLS handshake with {host} failed: {_words(error)}"
            raise Unreachable(said, sent=False, hint=_PORT_HINT) from None
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            raise Unreachable(f"{host} hung up in the TLS handshake.", sent=False) from None
        version = secured.extra(TLSAttribute.tls_version)
        certificate: dict[str, Any] = dict(secured.extra(TLSAttribute.peer_certificate) or {})
    issuer, until = _name(certificate.get("issuer", ())), _end(certificate)
    by = f" by {issuer}" if issuer else ""
    seen = f"{version}, certificate{by} until {until:%Y-%m-%d}"
    return ok(seen, version=version, issuer=issuer, not_after=until.isoformat())


def _trusted() -> ssl.SSLContext:
    try:
        return trusted_certificates()
    except OSError as error:
        named = next((name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)), None)
        where = f"{named} ({os.environ[named]})" if named else "this machine"
        raise ConfigError(
            f"The trusted certificates of {where} cannot be read: {error.strerror or error}.",
            hint=f"Let {named or 'SSL_CERT_FILE'} name a file of certificates in PEM form.",
        ) from None


def _untrusted(error: ssl.SSLCertVerificationError, host: str) -> Unreachable:
    what, hint = _PROBLEMS.get(error.verify_code, ("is not accepted", _AUTHORITY_HINT))
    words = f"The certificate of {host} {what} ({error.verify_message})."
    return Unreachable(words, sent=False, hint=hint)


def _words(error: ssl.SSLError) -> str:
    reason = error.reason or ""
    if reason in _NO_TLS:
        return f"it does not speak TLS there ({reason})"
    return reason or str(error)


def _name(parts: Any) -> str:
    """Organization, else common name, of a subject or issuer."""
    fields: dict[str, str] = {key: value for part in parts for key, value in part}
    return fields.get("organizationName") or fields.get("commonName") or ""


def _end(certificate: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
