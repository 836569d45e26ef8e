"""The role `mx`: port 25 of the appliance. `run(context)` serves until SIGTERM; N processes may share the socket."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from mail.srs import Srs
from mail.verp import Tokens
from mta.inbound.authenticate import Authenticator
from mta.inbound.dmarc_tally import DmarcTally
from mta.inbound.judging import Judging
from mta.inbound.screen import Screener
from mta.inbound.session import Desk, MxSession
from mta.inbound.weigh import Weigher
from mta.serving import Port, serve
from mta.smtp_listener import Listener, server_tls
from net.resolver import Resolver
from net.rspamd import Rspamd
from policy.acceptance import Signatures
from role.context import Context
from store import arrivals
from store.forward_paths import ForwardPaths
from store.mailboxes import address_key
from store.together import reading, writing

_THREADS: Final = 32  # screenings and full mailboxes that are looked up at once


def run(context: Context) -> None:
    settings = context.settings
    tls = server_tls(context.certificate, context.private_key)
    listener = Listener(
        "mx", settings.server.hostname, settings.limits, context.of, tls, context.log, settings.mx.proxy_networks
    )
    tally = DmarcTally(context.stores, context.log)
    judge = Authenticator(
        Resolver(settings.dns.servers, settings.dns.timeout),
        settings.server.hostname,
        settings.authentication,
        context.vault.derived("dmarc sampling"),
        tally,
    )
    signed = Signatures(Tokens(context.vault.derived("tokens")), Srs(context.vault.derived("srs")))
    paths = ForwardPaths(settings.server.hostname, address_key(settings.mx.postmaster) or "", signed)
    with (
        ThreadPoolExecutor(1, thread_name_prefix="recipients") as thread,
        ThreadPoolExecutor(_THREADS, thread_name_prefix="mx") as pool,
        contextlib.closing(Judging(judge)) as judging,
    ):
        desk = Desk(
            listener=listener,
            stores=context.stores,
            spool=context.spool,
            intake=writing(context.stores.mail.journal, arrivals.add),
            judging=judging,
            recipients=reading(context.stores.core.database, thread, paths.judge),
            screener=Screener(
                Resolver(settings.dns.servers, settings.dns.timeout),
                context.stores,
                context.log,
                settings.junk.block_lists,
                settings.junk.greylist,
            ),
            weigher=_weigher(context),
            pool=pool,
        )

        def open_ports() -> list[Port]:
            listener.start()
            tally.start()
            return [Port("mx", lambda: MxSession(desk))]

        serve(context, tls, open_ports, [listener, tally])


def _weigher(context: Context) -> Weigher | None:
    junk = context.settings.junk
    if not junk.rspamd:
        return None
    return Weigher(Rspamd(junk.rspamd, junk.rspamd_timeout), junk.rspamd_reject, context.log)
