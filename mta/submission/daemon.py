"""The role `submission`: ports 587 and 465. `run(context)` serves until SIGTERM; N processes may share the sockets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Final

from mta.serving import Port, serve
from mta.smtp_listener import Listener, server_tls
from mta.submission.session import Desk, SubmissionSession
from mta.submission.sign_in import Attempts
from role.context import Context
from store import addressee, injection
from store.together import reading, writing

_THREADS: Final = 8
_PASSWORD_CHECKS: Final = 2  # at once


def run(context: Context) -> None:
    settings = context.settings
    tls = server_tls(context.certificate, context.private_key)
    listener = Listener(
        "submission", settings.server.hostname, settings.limits, context.of, tls, context.log,
        settings.submission.proxy_networks,
    )  # fmt: skip
    with (
        ThreadPoolExecutor(_THREADS, thread_name_prefix="submission") as pool,
        ThreadPoolExecutor(_PASSWORD_CHECKS, thread_name_prefix="passwords") as passwords,
        ThreadPoolExecutor(1, thread_name_prefix="addressees") as looking,
    ):
        core = context.stores.core
        desk = Desk(
            listener=listener,
            stores=context.stores,
            spool=context.spool,
            vault=context.vault,
            attempts=Attempts(),
            networks=settings.submission.trusted,
            pool=pool,
            passwords=passwords,
            addressees=reading(core.database, looking, addressee.refusals),
            queue=writing(core.journal, injection.queue_submissions),
        )

        def open_ports() -> list[Port]:
            listener.start()
            return [
                Port("submission", lambda: SubmissionSession(desk, secured=False)),
                Port("submissions", lambda: SubmissionSession(desk, secured=True), tls),
            ]

        serve(context, tls, open_ports, [listener])
