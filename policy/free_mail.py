"""Domains of free mail providers, whose DMARC policy has mail from other servers blocked (PRODUCT C2).

Pure data. Asked by admin/acts/senders.py.
"""

from __future__ import annotations

from typing import Final

_DOMAINS: Final = """
    aol.com bk.ru fastmail.com gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com hey.com hotmail.co.uk
    hotmail.com hotmail.de hotmail.fr icloud.com inbox.ru internet.ru laposte.net libero.it list.ru live.com mac.com
    mail.com mail.ru me.com msn.com narod.ru naver.com orange.fr outlook.com outlook.de outlook.fr proton.me
    protonmail.com qq.com rambler.ru seznam.cz t-online.de tutanota.com ukr.net vk.com web.de wp.pl ya.ru yahoo.co.jp
    yahoo.co.uk yahoo.com yahoo.de yahoo.fr yandex.by yandex.com yandex.kz yandex.ru yandex.ua ymail.com zoho.com
    163.com 126.com
"""
FREE_MAIL: Final = frozenset(_DOMAINS.split())


def is_free_mail(domain: str) -> bool:
    """`domain` in lower case."""
    return domain in FREE_MAIL
