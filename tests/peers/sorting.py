"""The secrets of a sorter in the tests, and the sorter itself on stores that a test was given."""

from __future__ import annotations

from typing import Final

from mail.srs import Srs
from mail.verp import Tokens
from mta.inbound.parser import Parser
from mta.inbound.sort import Sorter
from peers.smtp_role import MASTER
from peers.vaults import whole_vault
from role.log import EventLog
from store.spool import Spool
from store.stores import Stores

TOKENS: Final = Tokens(whole_vault(MASTER).derived("tokens"))
SRS: Final = Srs(whole_vault(MASTER).derived("srs"))


def sorter_on(stores: Stores, spool: Spool, parser: Parser) -> Sorter:
    return Sorter(stores, spool, TOKENS, SRS, parser, EventLog("sorter"))
