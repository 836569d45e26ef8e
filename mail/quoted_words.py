"""How mail programs announce what they quote, in the languages that their makers ship.

Pure tables, read by mail/quoted. Each row names who writes so, as their programs document or show it; a verb stands
for every line that the program builds around it, whatever the order of date, name and address.
"""

from __future__ import annotations

import re
from typing import Final

# The last or the middle word of "On DATE, NAME wrote:" as Gmail, Thunderbird, Apple Mail and K-9 are translated.
_VERBS: Final = (
    r"wrote|writes",  # English
    r"написал(?:\(а\)|а)?|пишет|писал(?:а|\(а\))?|писали",  # Russian; The Bat! writes "Вы писали"
    r"пише|написав|написала|пишуть",  # Ukrainian, Bulgarian
    r"schrieb",  # German
    r"a écrit|a ecrit|écrit",  # French
    r"escribió|escribio|escribiu",  # Spanish, Galician
    r"ha scritto|scrive|scrisse",  # Italian
    r"escreveu|va escriure",  # Portuguese, Catalan
    r"schreef",  # Dutch
    r"napisał(?:a|\(a\))?|pisze",  # Polish
    r"skrev|skrifaði",  # Swedish, Danish, Norwegian, Icelandic
    r"kirjoitti|kirjutas",  # Finnish, Estonian
    r"nap[sí]+al(?:\(a\)|a)?",  # Czech, Slovak
    r"írta|tarihinde şunu yazdı|yazdı",  # Hungarian, Turkish
    r"a scris|je napisala?o?|rašė|rakstīja",  # Romanian, Croatian and Slovene, Lithuanian, Latvian
    r"έγραψε|đã viết|menulis|作成|写道|寫道|님이 작성|のメール",  # Greek, Vietnamese, Indonesian, East Asia
)
WROTE: Final = re.compile(rf"(?<!\w)(?:{'|'.join(_VERBS)})(?!\w)|写道|寫道|님이 작성", re.IGNORECASE)

# Between dashes, or with a colon behind: Outlook, Outlook Express, Gmail's and Apple Mail's forwards, Mail.ru, Yandex.
_DIVIDERS: Final = (
    r"original message|original appointment|forwarded message|begin forwarded message|forwarded by .{1,100}",
    r"исходное сообщение|исходное письмо|пересланное сообщение|пересылаемое сообщение|пересылаемое письмо",
    r"начало (?:переадресованного|пересылаемого|пересланного) сообщения|вихідне повідомлення|переслане повідомлення",
    r"ursprüngliche nachricht|originalnachricht|weitergeleitete nachricht|anfang der weitergeleiteten nachricht",
    r"message d['’]origine|message original|message transféré|début du message (?:réexpédié|transféré)",
    r"mensaje original|mensaje reenviado|inicio del mensaje reenviado",
    r"messaggio originale|messaggio inoltrato|inizio messaggio inoltrato",
    r"mensagem original|mensagem encaminhada|início da mensagem (?:reencaminhada|encaminhada)",
    r"oorspronkelijk bericht|doorgestuurd bericht|begin doorgestuurd bericht",
    r"wiadomość oryginalna|oryginalna wiadomość|wiadomość przekazana|treść przekazanej wiadomości",
    r"ursprungligt meddelande|vidarebefordrat meddelande|oprindelig meddelelse|opprinnelig melding|videresendt melding",
    r"alkuperäinen viesti|välitetty viesti|původní zpráva|pôvodná správa|eredeti üzenet|özgün ileti|orijinal mesaj",
    r"mesaj original|αρχικό μήνυμα|原始邮件|原始郵件|转发的邮件|元のメッセージ|転送されたメッセージ|원본 메시지",
)
DIVIDER: Final = re.compile(
    rf"[ \t]*(?:[-_=*–—]{{2,40}}[ \t]*(?:{'|'.join(_DIVIDERS)})[ \t]*[-_=*–—]{{2,40}}"
    rf"|(?:{'|'.join(_DIVIDERS)})[ \t]?[:：])[ \t]*",
    re.IGNORECASE,
)

# The block that Outlook puts over what it quotes: one label a line, in bold where it was HTML.
_FROM: Final = (
    r"from|von|de|da|van|från|fra|lähettäjä|od|feladó|kimden|gönderen|mittente|από|от кого|от|від|发件人|寄件者|差出人"
    r"|보낸 사람"
)
_SENT: Final = (
    r"sent|date|gesendet|datum|envoyé|date d['’]envoi|enviado|enviado el|enviada|enviada em|fecha|inviato|data"
    r"|verzonden|skickat|sendt|dato|lähetetty|päivämäärä|wysłano|odesláno|elküldve|dátum|gönderildi|tarih"
    r"|отправлено|дата|надіслано|发送时间|寄件日期|日期|送信日時|日付|보낸 날짜|날짜"
)
_TO: Final = (
    r"to|an|à|a|para|per|aan|till|til|vastaanottaja|do|komu|címzett|kime|alıcı|кому|收件人|収件者|宛先|받는 사람"
)
_SUBJECT: Final = (
    r"subject|betreff|objet|asunto|oggetto|assunto|onderwerp|ämne|emne|aihe|temat|předmět|předmet|predmet|tárgy|konu"
    r"|θέμα|тема|主题|主旨|件名|제목"
)


def _label(words: str) -> re.Pattern[str]:
    return re.compile(rf"[ \t]*\*?(?:{words})[ \t]?(?:\*[ \t]?[:：]|[:：]\*?)(?=[ \t]|\Z)", re.IGNORECASE)


FROM_LABEL: Final = _label(_FROM)
OTHER_LABELS: Final = (_label(_SENT), _label(_TO), _label(_SUBJECT))
