"""The words by which a mail system's notice is told from other mail, as data: subjects, sentences, marks of a delay.

Pure. mail/rawbounce looks for them; all are in lower case, and each is what some widespread mail software or provider
writes (Exchange and Microsoft 365 say it in the reader's language, so does Gmail; the rest is mostly English).
A phrase here decides only that a mail is a notice: whom it is about and why is read elsewhere.
"""

from __future__ import annotations

from typing import Final

_ENGLISH_SUBJECTS: Final = """
undeliver|delivery failure|delivery status|delivery notification|delivery report|mail delivery|returned mail
failure notice|mail failure|message status|non-delivery|nondelivery|non delivery|delivery has failed
delivery failed|could not be delivered|not delivered|not deliverable|permanent delivery|bounce|delayed
delivery problem|delivery error|mail error|mail failed|message failed|failed mail|user unknown|unknown user
error sending|message delivery|rejected mail|rejected message|returning message to sender|returned to sender
return to sender|warning: message|warning: could not|loop alert|errors from|delivery incomplete
address not found
mail system error|mail returned|returned message|message returned|email returned|e-mail returned|failed delivery
delivery unsuccessful|unsuccessful delivery|message blocked|message you sent blocked|blocked by our
mail rejected
message rejected|message not sent|unable to deliver|cannot be delivered|could not deliver|couldn't be delivered
recipient unknown|unknown recipient|unknown address|invalid address|mailbox full|quota exceeded|over quota
nondeliverable|non deliverable|undelivrable|delivery delay|delay notification|status of:|failed to deliver
delivery attempt|mailbox unavailable|transient delivery|failure delivery|nachricht unzustellbar|mailer error
"""
_OTHER_SUBJECTS: Final = """
zustellung verzögert|zustellung ist verzögert|verzögerte zustellung|remise différée|remise retardée|entrega demorada
entrega retrasada|consegna ritardata|entrega atrasada|bezorging vertraagd|dostarczenie opóźnion|doručení zpožděn
доставка задерж|leverans fördröj|levering forsinket|teslim gecikti
unzustellbar|nicht zugestellt|nicht zustellbar|zustellung fehlgeschlagen|zustellfehler|fehler bei der zustellung
zustellungsstatus|adresse nicht gefunden|fehlgeschlagene zustellung|unzustellbare
non remis|non délivr|non delivr|non distribu|échec de la remise|echec de la remise|échec de remise|non livré
notification d'état de remise|avis de non|retour à l'expéditeur|adresse introuvable|échec de livraison
no se puede entregar|no entregado|no se ha podido entregar|no se pudo entregar|error de entrega|no entregable
devuelto|notificación del estado de entrega|no se ha encontrado la dirección|correo devuelto|entrega fallida
não entregue|nao entregue|não foi possível entregar|falha na entrega|falha de entrega|devolvid
não é possível entregar
endereço não encontrado|status de entrega|não pode ser entregue
mancato recapito|non recapit|impossibile recapitare|mancata consegna|non consegnat|recapito non riuscito
indirizzo non trovato|notifica di stato|messaggio non consegn|errore di consegna
onbestelbaar|niet bezorgd|niet afgeleverd|bezorging mislukt|kan niet worden bezorgd|adres niet gevonden
niet bestelbaar
niedostarcz|nie dostarczon|nie można dostarczyć|nieudane dostarczenie|nie znaleziono adresu|nie doręczon
zwrot wiadomości
nepodařilo|nedoručiteln|nelze doručit|nedoručen|adresa nenalezena|nedoručitelná|nedoručená
не доставлено|недоставлен|не доставлен|сбой доставки|ошибка доставки|не удалось доставить|невозможно доставить
адрес не найден|возврат|недоставка|отчет о доставке|не може бути доставлен|не доставлено
går inte att leverera|kunde inte levereras|gick inte att leverera|olevererbar|ej levererat|levererades inte
kan ikke leveres|blev ikke leveret|kunne ikke leveres|ikke leveret|kan ikke leveres|ble ikke levert|uleveret
ei voida toimittaa|ei voitu toimittaa|toimitus epäonnistui|ei toimitettu|toimittamaton|jäi toimittamatta
teslim edilemedi|teslim edilemeyen|iletilemedi|teslimat başarısız|adres bulunamadı|ulaştırılamadı
nem kézbesíthető|kézbesíthetetlen|kézbesítési|sikertelen kézbesítés|nu a fost livrat|nelivrat
imposibil de livrat
δεν ήταν δυνατή η παράδοση|μη παραδοτέο|αποτυχία παράδοσης|לא ניתן למסירה|לא נמסר|تعذر التسليم|لم يتم تسليم
配信不能|配信エラー|配信失敗|配送できません|送信エラー|未配信|不達|配達不能|配信の遅延|送信できません
エラーメール
届けできません|届きません|配信できません
退信|未送达|无法送达|投递失败|无法投递|未能送达|邮件被退回|发送失败|傳送失敗|無法傳遞|未傳遞|無法傳送|退回
无法发送
배달 실패|배달되지|배달할 수 없|전송 실패|반송|전달되지|발송 실패|không gửi được|tidak terkirim|ส่งไม่ได้
ไม่สามารถส่ง
"""
_ENGLISH_NOTICES: Final = """
requested action not taken|error message below|no such user|could not be delivered|couldn't be delivered
cannot be delivered|can't be delivered|can not be delivered|not delivered to|was not delivered
were not delivered
not be delivered|unable to deliver|wasn't able to deliver|was not able to deliver|not able to deliver
error delivering your|error occurred while trying to deliver|did not reach the following|did not reach some
delivery to the following|could not be reached|undeliverable|undelivered|delivery has failed|delivery failed
failed permanently|permanent error|had permanent fatal errors|had delivery problems
had permanent delivery errors
transcript of session|has not yet been delivered|not yet been delivered|has been delayed
was automatically rejected
message was rejected|failed addresses|returned mail|returned message|delivery problem|delivery error
trouble delivering|attempting to deliver|delivery notification|failed to deliver|problem delivering
invalid final delivery|mailbox exceeds|final-recipient:|wasn't delivered|weren't delivered|could not deliver
couldn't deliver|can't deliver|cannot deliver|can not deliver|did not deliver|has been rejected|was rejected by
has been blocked|was blocked by|were rejected|was refused|has been returned|was returned to|being returned
is returned to you|failed recipient|failed to reach|did not reach|not reach the|addresses failed
address(es) failed
address failed|delivery attempt|delivery failure|delivery status|addresses had|recipient unknown
unknown recipient
user unknown|unknown user|invalid recipient|invalid user|invalid address|unknown address|not found in
non-delivery
nondelivery|could not be sent|couldn't be sent|unable to send|could not send|cannot send your|failed to send
not accepted for|mailbox full|mailbox is full|over quota|quota exceeded|undelivrable|message not delivered
mail not delivered|email not delivered|incorrectly constructed|following errors|message contained one or more
rcpt to generated|following response|failure reasons|smtp error|sorry, i couldn't|smtp dialog
error while delivering
transmission failed|delivery incomplete|still undelivered|message delayed|delivery delayed
number of attempts made
unable to complete the delivery|mail system error|bounced|duplicated message-id|message blocked
delivery was attempted
the delivery of your|address not found|rejected for the following|refused your|group you tried to contact
unroutable
unrouteable|message failed|problem was encountered|has encountered a delivery|not deliverable
"""
_OTHER_NOTICES: Final = """
ist verzögert|est retardé|est différé|está retrasad|è ritardat|está atrasad|is vertraagd|jest opóźnion|je zpožděn
konnte nicht zugestellt|nicht zugestellt werden|nicht zugestellt|nicht übermittelt|unzustellbar
nicht ausgeliefert
fehler bei der nachrichtenzustellung|zustellung fehlgeschlagen|nicht erreicht|empfänger unbekannt|zustellung ist
konnten nicht zugestellt|konnte nicht gesendet|nicht zustellen
n'a pas pu|non remis|n'ont pas pu|échec de la remise|echec de la remise|n'a pas été remis|n'a pas été distribué
n'a pu être|impossible de remettre|impossible de livrer|n'est pas parvenu|non délivr|pas pu etre
échec de la livraison
no se pudo entregar|no ha podido ser entregado|no se ha podido entregar|no pudo ser entregado|error de entrega
no se ha entregado|no se puede entregar|no pudo entregar|no ha llegado|no fue entregado|no se entregó
fue rechazado
não foi possível entregar|não pôde ser entregue|não pode ser entregue|falha na entrega|não foi entregue
nao foi entregue
falhou|não chegou|nao pode ser entregue|não conseguimos entregar
non è stato possibile|non è riuscito|non recapitat|non è stato recapitat|impossibile recapitare|non consegnat
non è stato consegnat|mancato recapito|errore di consegna|recapito non
kan niet worden bezorgd|is niet bezorgd|niet afgeleverd|niet worden bezorgd|kon niet worden|is mislukt
niet bereikt
niet worden afgeleverd|onbestelbaar
nie powiodło|nie mogła zostać|nie może zostać|nie została dostarczona|nie można dostarczyć
nie udało się dostarczyć
niedostarcz|nie zostały dostarczone|nie dotarła
se nezdařilo|nelze doručit|nebylo možné doručit|nepodařilo se doručit|nemohla být doručena|nebyla doručena
nedoručen
не может быть доставлен|не удалось доставить|не доставлен|сбой доставки|не было доставлено
не могло быть доставлено
невозможно доставить|не удалось отправить|ошибка доставки|не могут быть доставлены|возвращено
не вдалося доставити
kunde inte levereras|gick inte att leverera|inte levereras|levererades inte|nådde inte|gick inte att skicka
kunne ikke leveres|kan ikke leveres|ikke leveret|blev ikke leveret|ble ikke levert|leveringen mislyktes
nåede ikke
levering kunne ikke|ikke levert
ei voitu toimittaa|toimitus seuraaville|ei toimitettu|ei voida toimittaa|epäonnistui|ei saavuttanut
teslim edilemedi|iletilemedi|ulaştırılamadı|teslim edilemiyor|gönderilemedi|ulaşmadı
nem kézbesíthető|nem sikerült kézbesíteni|kézbesítése|sikertelen|nu a putut fi livrat|nu a fost livrat
nu s-a putut
δεν ήταν δυνατή|δεν παραδόθηκε|απέτυχε η παράδοση|לא ניתן היה למסור|לא נמסרה|ההודעה לא|تعذر تسليم|لم يتم تسليم
فشل التسليم
配信できません|送信できません|送信に失敗|配信に失敗|配信されません|届けできません|配送できません|お届けできな
送信されません|見つかりませんでした|配達できません|存在しません|配信不能
投递失败|无法送达|退信|未能送达|无法投递|无法将|不能送达|发送失败|被退回|无法传递|未能传递|無法傳遞|無法傳送
傳送失敗|無法送達
배달하지 못|배달되지|배달할 수 없|전송하지 못|전달되지|보내지 못|전송할 수 없|không thể gửi|không gửi được
tidak dapat
"""
_DELAYS: Final = """
warning message only|has been delayed|have been delayed|been delayed:|not yet been delivered|will continue to
will be retried|still trying|will keep trying|(delay)|is delayed|could not be delivered for
has not been delivered to one or more of its recipients after more than|do not need to resend
transient non-fatal errors|was delayed|no action is required on your part|could not send message for past
could not send mail for past|still undelivered after|warning: could not send message|warning: message delayed
temporary failure notice|will try again|will retry|retried for|delivery attempts will|delivery delayed
delivery is delayed|attempts to deliver will continue|message delayed|being delayed|still being tried
wird weiterhin versucht|verzögert|es wird weiter versucht|remise différée|est retardé|a été retardé|est différée
se ha retrasado|está retrasad|entrega demorada|seguirá intentando|è stato ritardato|ritardat|verrà ritentat
está atrasad|continuaremos tentando|is vertraagd|vertraging|opóźnion|zpožděn|задержан|повторные попытки
попытки доставки будут|fördröj|forsink|viivästy|gecikti|遅延|配信が遅れ|再送を試み|延迟|稍后重试|延遲|지연
"""
_FINALS: Final = """
permanent error|failed permanently|permanent fatal|given up|giving up|not going to try again
could not be delivered to|permanent delivery|has failed|(failure)|no further attempts|will not be retried
will no longer be|no longer attempt|permanent failure|won't be retried|stopped trying|gave up
"""
REFUSAL_RECEIPT: Final = "was automatically rejected"


def _phrases(*tables: str) -> tuple[str, ...]:
    return tuple(phrase for table in tables for line in table.split("\n") for phrase in line.split("|") if phrase)


SUBJECTS: Final = _phrases(_ENGLISH_SUBJECTS, _OTHER_SUBJECTS)
NOTICES: Final = _phrases(_ENGLISH_NOTICES, _OTHER_NOTICES)
DELAYS: Final = _phrases(_DELAYS)
FINALS: Final = _phrases(_FINALS)


def holds(text: str, phrases: tuple[str, ...]) -> bool:
    """Whether the text, in lower case, holds one of them."""
    return any(map(text.__contains__, phrases))
