"""Openings of automatic replies and of challenges, in the main languages, as data for mail/automatic.

Pure. In lower case. Each is said by a template, hardly by a person who has something to say; still, who writes so
is at worst not revived until the next mail.
"""

from __future__ import annotations

from typing import Final

# Who says when he is back, that he cannot be reached, or that nobody reads this address.
_OPENINGS: Final = """
out of the office with|limited access to my e|no access to my e|without access to e|on annual leave until
will be on annual leave|will be on leave|will be on vacation|will be on holiday|will reply on my return
will reply when i return|reply as soon as i return|i am travelling until|i am traveling until|i am on sick leave
i am on paternity|i am on a business trip|office is currently closed|offices are closed|we are closed for the
will reopen on|mailbox is not monitored|mailbox is no longer monitored|mailbox is unattended
inbox is not monitored|address is not monitored|i have left the company|i no longer work|i am no longer with
please note that i have left|address is no longer in use|address is no longer active|automated response
nicht erreichbar|im urlaub und|befinde mich im urlaub|wieder im büro|wieder für sie da|nicht weitergeleitet
nicht mehr für das unternehmen|nachricht wurde automatisch|e-mail ist eine automatische|nicht mehr im unternehmen
automatisch generiert|de retour au bureau
serai de retour|serai absent|en congés jusqu|suis en déplacement|accès limité à mes|estaré ausente|estoy ausente
me encuentro de vacaciones|de vacaciones hasta|sin acceso al correo|acceso limitado al correo
respuesta automática|ya no trabajo|ya no trabaja|estou ausente|estarei ausente|de férias até
encontro-me de férias|acesso limitado ao|resposta automática|não trabalho mais|fuori ufficio fino|rientrerò
al mio rientro|risposta automatica|non lavoro più|in ferie fino|met vakantie|op vakantie tot|niet op kantoor
afwezig tot|weer aanwezig|automatisch antwoord|automatisch gegenereerd|na urlopie do|wracam do
wiadomość automatyczna|automatyczna odpowiedź|nieobecna w|nieobecny w|na dovolené|nejsem v kanceláři
mimo kancelář|automatická odpověď|na dovolenke|nie som v kancelárii|в отпуске до|буду в отпуске
нахожусь в командировке|в командировке до|буду отсутствовать|ограниченный доступ к почте|автоматический ответ
у відпустці|больше не работа|izindeyim|izinde olacağım|ofis dışındayım|ofiste değilim|tatildeyim|otomatik yanıt
på semester till|är inte på kontoret|är på semester|åter på kontoret|automatiskt svar|tillbaka på kontoret
holder ferie|er på ferie|ikke på kontoret|tilbage på kontoret|tilbake på kontoret|automatisk svar|har permisjon
olen lomalla|en ole toimistolla|poissa toimistolta|automaattinen vastaus|szabadságon vagyok
nem vagyok az irodában|automatikus válasz|în concediu|nu sunt la birou|răspuns automat|σε άδεια|εκτός γραφείου
自動返信|自動応答|外出しております|出張中|休業とさせて|休業いたし|不在にしており|不在となり|自动回复|自動回覆
自動回復|休假中|正在休假|出差中|无法及时回复|無法即時回覆|不在办公室|不在辦公室|휴가 중|부재중|출장 중|자동 응답
자동 회신|자리를 비우|will be out of the
"""
# Words of a challenge that no person writes, so they are a sign by themselves.
_CHALLENGES: Final = """
reply to this message so that your|protecting myself from receiving junk|so i can receive your emails
verify that you are a real|that you are a human|you are a real live human
prove that you are human|prove you are human|only messages from senders i have approved
allow only messages from senders|added to my approved|add you to my approved|quarantined until you
held until you confirm|held until the list moderator|is on the guest list|on the guest list waiting
confirm that you sent|bestätigen sie ihre e-mail an|bestätigen sie, dass sie|dass sie ein mensch sind
confirmer que vous êtes|que vous êtes humain|votre message est en attente|confirme que es humano
confirmar que usted es|mensaje está retenido|confirmar que você é|confermare di essere|potwierdź, że jesteś
подтвердите, что вы
"""


def _phrases(table: str) -> tuple[str, ...]:
    return tuple(phrase for line in table.split("\n") for phrase in line.split("|") if phrase)


OPENINGS: Final = _phrases(_OPENINGS)
CHALLENGES: Final = _phrases(_CHALLENGES)
