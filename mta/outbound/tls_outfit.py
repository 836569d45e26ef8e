"""Puts the sender's route together from the settings: authorities, guarded HTTPS, kept policies.

Called once by the daemon at its start, on a thread that may block. Raises OSError or ssl.SSLError where `[tls]
ca_file` cannot be read.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Final

from OpenSSL.crypto import X509Store

from mail.tls_report import Session
from mta.outbound.policy_keep import PolicyKeep
from mta.outbound.route import Route
from net.http_guard import HttpGuard
from net.resolver import Resolver
from net.smtp_peer import Timeouts
from net.sts_policies import StsPolicies
from net.tls_policy import TlsPolicies
from role.context import Context

FETCH: Final = timedelta(seconds=15)  # for a policy; mail waits for it


def route_of(context: Context, resolver: Resolver, tally: Callable[[Session], None]) -> Route:
    settings = context.settings
    allowed = [ip_network(text, strict=False) for text in settings.tls.allowed_networks]
    ca_file = settings.tls.ca_file or None
    guard = HttpGuard(resolver, ssl.create_default_context(cafile=ca_file), allowed, FETCH)
    sts = StsPolicies(resolver, guard, PolicyKeep(context), settings.tls.sts_port, _now)
    policies = TlsPolicies(resolver, sts, authorities(ca_file), settings.outbound.port, _now)
    return Route(resolver, policies, opportunistic(), settings.outbound.port, Timeouts(), _now, tally)


def authorities(ca_file: str | None) -> X509Store:
    """Those of the file, or of the machine."""
    paths = ssl.get_default_verify_paths()
    store = X509Store()
    if ca_file or paths.cafile or paths.capath:
        store.load_locations(ca_file or paths.cafile, None if ca_file else paths.capath)
    return store


def opportunistic() -> ssl.SSLContext:
    """TLS that asks for no certificate: one that fails is still better than none (RFC 7435), and is judged later."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _now() -> datetime:
    return datetime.now(UTC)
