"""Further words of refusals, by reason: provider codes that are documented, rarer software, other languages.

Pure, data only. policy/bounce_rules asks them where none of its own, more
certain rules spoke, in the same order of reasons. The same grammar: lower case, " ... " leaps. General words stand
here only under reasons without effect; a reason that blocks has a noun of the mailbox, the address or the user.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mail.outcome import Reason

_SUPPRESSED: Final = "is on the suppression list|suppressed recipient|previously bounced|has previously hard bounced"

_RATELIMITED: Final = """
too frequent|frequency limit|frequency limited|too many requests|too many rcpt|too many recent|too many failed
too many attempts|too many deliveries|message rate|exceeded the allowed|limit exceeded for|exceeding rate
rate exceeded|ratelimit|recipient limit|quota of messages|deferring connection|try again after|over rate
flow control
connections per|messages per hour|messages per minute|messages per connection|messages per day|mails per hour
too many open connections|maximum number of connections|maximum connections|reduce the rate|reduce your
volume of mail|excessive volume|unusual volume|high volume|exceeded connection|sends too many|sent too many
p=ratelimit|p=tempfail|p=receivingrate|[tss04]|[tss05]|[tss09]|[gl01]|[gl02]
hl:itc|hl:ifc|mi:cel|mi:dmc|mi:ccl|rp:drc|rp:ccl|rp:rcl|domain frequency|ip frequency|sender frequency
aup#in-13|demasiados mensajes|trop de connexions|trop de messages|zu viele verbindungen|zu viele nachrichten
too many hosts|mailbox is receiving too many|temporarily deferred
"""
_AUTHFAILURE: Final = """
purported responsible|spf_fail|spf-fail|spf policy|spf reject|spf=fail|spf authentication|spf not|spf failure
spf:fail
spf permerror|spf (sender|check spf|dkim=fail|dkim_fail|dkim-fail|no dkim|missing dkim|invalid dkim|bad dkim
domainkeys|is not allowed by spf|violates spf|not authorized by spf|unauthorized sender|arc chain
p=unauthenticatedemail|p=unauthenticated|not designated as permitted|sender id|is not permitted to send
mi:sfq|dt:sum|dkm-p|unauthenticated senders|sender authentication|email authentication|domain alignment
isn't authorized to send|is not an authorized sender|sender unauthenticated
"""
_REQUIREPTR: Final = """
unverifyable sending|mismatches client ip|reverse ip|reverse name|ptr name|ptr rr|valid ptr|ptr dns|no reverse
without reverse|host name does not match|hostname does not match|cannot resolve your|could not resolve your
unable to resolve your|cannot verify your hostname|client name resolution|does not have a valid hostname
fix reverse|forward confirmed|no rdns|hostname is not resolvable|ip without|inverse dns|cannot find your host
unresolvable hostname|not resolve to a name|hostname lookup failed for your
"""
_FAILEDSTARTTLS: Final = """
requires tls|tls connection required|requires a secure|secure connection required|tls currently not
starttls is required|starttls required|encrypted connection|tls encryption|certificate verif
certificate not trusted
requiretls|tlsa|untrusted certificate|server certificate
"""
_BADREPUTATION: Final = """
reputation score|of low reputation|low-reputation|bad ip reputation|suspicious ip|has a bad reputation
reputation is
p=lowreputation|sending domain reputation|not enough reputation|ip rep|reputation filter
"""
_BLOCKED: Final = """
too many unwanted messages|smtp server of your isp|service refused|not accepting connections
messages from ... weren't sent
invalid ip for sending|your server is|your host is|your mail server|your mailserver|your smtp server is
your server has
ip rejected|rejected ip|ip not allowed|not allowed from your|listed by|listed in|listed at|is listed
found on one or more
bl blocked|rejecting mail from your|rejecting connections|ip is not allowed|access not allowed
no mail accepted from
not accept mail from your|access denied from|connection denied|connection rejected|connection refused for
host is blocked
ip banned|banned ip|banned for|banned by|access from your|you are blocked|you have been blocked|you are banned
is banned|bannned|blocked ip|block your|refused to talk to me|not welcome|spamrats|mailspike|senderid list
hl:rep|hl:ihu|hl:mep|dt:rbl|wm:bli|wm:blu|[bl2|[ipts|[con:|con-t|(s3140)|(s3150)|(s775)|aup#in-15
ib103|ib104|ib105|ib106|ib108|ib504|ib601|lpn007|ofr_104|ofr_103|ofr_102|ofr006|ip dinamica|lista negra
liste noire
schwarze liste|чёрном списке|черном списке|ブラックリスト|黑名单
"""
_NORELAYING: Final = """
not configured to relay|relaying mail to|relay mail|relay forbidden|relay rejected|relay disallowed
relay service
no third-party|third party relay|third-party relay|domain not allowed|domain is not in my|domain not in my
not a local domain|domain isn't in my|domain not hosted|not hosted here|domain is not hosted|domain isn't hosted
not permitted to relay|non-local recipient|nonlocal|mail to this domain|relaying to|not handle mail for
don't accept mail for|does not accept mail for|mail for this domain|not local
"""
_VIRUSDETECTED: Final = "eicar|ransomware|infizier|infectado|infecté|вирус|ウイルス|ウィルス|病毒|virengefunden"
_EMAILTOOLARGE: Final = """
size limit exceeded for|exceeds limit|message exceeded|message exceeds|too large to|over the size|oversized
exceeds the limit|exceeds max|mesg too big|msg too big|message size|content size|attachment too large
maximum size
exceeded the maximum size|message is larger than|larger than|nachricht ist zu groß|nachricht zu groß|zu gross
zu groß
message trop|trop volumineux|demasiado grande|tamaño|supera ... dimension|troppo grande|muito grande|te groot
za duży
слишком большо|превышает|サイズ ... 超|サイズが大き|过大|太大|超过 ... 大小|p=messagetoolarge|p=sizelimit
crocheted
"""
_NOTCOMPLIANTRFC: Final = """
rfc violation|violates rfc|violation of rfc|not comply with rfc|rfc-compliant|rfc compliant|rfc 1123|rfc 1521
rfc 2047
rfc 6532|non-rfc|from header|multiple 'from'|no from header|missing from|missing date|no date header
invalid header
p=rfcmessagenoncompliant|rfcmessagenoncompliant|missing header|missing required header|header field
double header
message-id header|contains bare|lone cr|improperly formatted|nul character
"""
_SPAMDETECTED: Final = """
mass mailer|mass mailing|mass-mail|ofr_506|ofr506|scored as|score too high|too high a score|unwanted mail
unwanted message
content denied|content refused|content not accepted|content is not acceptable|objectionable|inappropriate
advertis
p=unsolicited|p=blockedmessage|p=unsolicitedmessageerror|suspicious message|suspicious content|suspicious url
suspicious link
rejected by filter|filter rejected|pattern match|blacklisted url|url listed|uri listed
scam|fraud|dt:spm|mi:spb|msg-p|pol-p|ib212|ib510|header pattern|bad content|dangerous|malicious|quarantin
caught by|rejected by the anti|antispam|anti-spam|mailscanner|razor|pyzor|brightmail|cloudfilter
no deseado|pourriel|indésirable|unerwünscht|indesiderat|indesejad|ongewenste|niechcian|nevyžádan|нежелательн
спам
迷惑メール|スパム|垃圾邮件|垃圾|스팸|gereksiz
"""
_POLICYVIOLATION: Final = """
policy rejection|policy reject|policy block|blocked by ... policy|rejected by ... policy|administrator policy
company policy
corporate policy|policies|organization's policy|attachment type|attachment name|attachment extension
file extension
banned file|banned attachment|blocked attachment|zip attachment|.exe|password protected|encrypted attachment
prohibited file
prohibited content|restricted attachment|unacceptable attachment|p=blockedattachment|dangerous attachment
gegen die richtlinie
richtlinie|politique de|política de|criteri ... azienda|mail policy|message policy|policy-based
"""
_CONTENTERROR: Final = """
media error|media not supported|conversion with loss|conversion not supported|message contains invalid|body type
mime type|unknown encoding|bad encoding|invalid encoding|non-ascii|not encoded|message could not be parsed
malformed mime
broken mime|content-type|8bitmime|eightbit|undefined media
"""
_SYSTEMFULL: Final = """
out of space|disk space low|low disk|mail system storage|insufficient resources|spool full|queue full
message store full
"""
_MAILBOXFULL: Final = """
p=overquota|overquotaperm|overquotatemp|mailbox quota usage exceeded|exceeded its storage|exceed its
over storage|over allocated
mailbox storage|is over the|user over|user is over|quota usage|quota is exceeded|quota has exceeded
quota has been exceeded
over ... quota|exceeded ... quota|exceeds ... quota|quota ... exceeded|quota ... reached|maximum mailbox
mailbox maximum
full mailbox|mailbox ... full|mail box ... full|account ... full|inbox ... full|user ... full|recipient ... full
mailbox ... over
mailstore|message store is full|too many messages stored|storage limit|storage is full|storage full
store is full|mail drop
mbox full|mailfile|mail file is|mail.dir|mail directory ... full|limit for mailbox|no more space|no disk space
not enough room
exceed ... space|has too much mail|ofr_416|ofr_417|ofr416|ofr417|ub:full|boîte aux lettres pleine
boîte de réception pleine
quota dépassé|dépassé son quota|dépassement de quota|quota atteint|messagerie pleine
kontingent|speicherplatz|speicherlimit|postfach voll|mailbox voll|überfüllt|posteingang ... voll
quota überschritten|quote überschritten
buzon lleno|bandeja ... llena|buzón ... llen|espacio insuficiente|sin espacio|excede la cuota|cuota excedida
casilla llena
quota superata|spazio esaurito|spazio insufficiente
cheia|cota excedida|sem espaço|espaço insuficiente|lotada
postvak ... vol|postvak is vol|mailbox vol|mailbox is vol|quotum
pełna|pełny|przepełnion|przekroczon|brak miejsca|plná|schránka je plná|překročen|překročila
переполнен|превышена квота|превышен лимит|квота|недостаточно места|ящик заполнен|переповнен
är full|indbakke ... fuld|er fuld|er full|täynnä|kiintiö
kutusu dolu|dolu|betelt|megtelt|kvóta|plină|πλήρες|γεμάτο|מלאה|ממתלئ|ممتلئ
容量 ... 超|一杯|いっぱい|容量オーバー|容量不足|满|已满|滿|超过 ... 配额|配额|용량|가득|초과|đầy|penuh
cuota ... excedid|cota ... excedid|spazio ... superato|メールボックス ... いっぱい|受信箱 ... 一杯
schránka ... plná
kutusu ... dolu|căsuța ... plină
"""
_HASMOVED: Final = """
address has been changed|moved to|has moved to|no longer in use|has left the|left the company|left this company
left our
new e-mail address|new email address|changed his address|changed e-mail|changed email|mailbox moved|user moved
mailbox has moved
relocated|neue adresse|nouvelle adresse|nueva dirección|nuovo indirizzo|novo endereço|nowy adres|новый адрес
yeni adres
アドレスが変更|アドレスを変更|address is obsolete|obsolete address|address obsolete|retired address
"""
_ONHOLD: Final = """
temporarily rejected|temporarily inaccessible|temporarily blocked|temporarily closed|momentarily|being moved
is being migrated
under maintenance|currently locked|locked by|in use by another|temporär|temporairement|temporalmente
temporaneamente|tijdelijk
tymczasowo|временно|一時的|暂时|일시적|geçici
"""
_SUSPEND: Final = """
administratively disabled|administratively locked|administratively blocked|p=disableduser|disableduser
mailbox not allowed
is not enabled|not enabled|has been suspended|has been locked|has been deactivated
has been disabled
account is on hold|dormant|suspended by|locked out|non-active|not activated|unactivated
unpaid|overdue|not paid|expired account|expired mailbox|closed account|deleted account|terminated account
mailbox ... suspended|mailbox ... disabled|mailbox ... closed|account ... suspended|account ... closed
account ... locked
account ... deactivated|account ... terminated|user ... disabled|user ... inactive|user ... blocked
user ... locked|recipient ... suspended
recipient ... disabled|recipient ... inactive|ofr_115|this user is inactive|mailbox ... blocked
user ... deactivated
deaktiviert|stillgelegt|désactivé|desactive|suspendu|résilié
deshabilitad|suspendid|desactivad|disabilitat|disattivat
desativad|uitgeschakeld|gedeactiveerd|nieaktywn|zawieszon
deaktivován|деактивирован|приостановлен|avstängd|deaktiveret
poistettu käytöstä|devre dışı|askıya|felfüggeszt|dezactivat|suspendat
利用停止|解約|停用|冻结|凍結|注销|비활성|휴면
konto ... gesperrt|postfach ... gesperrt|konto ist inaktiv|compte ... bloqué|compte ... fermé|compte ... clôturé
boîte ... bloqué|cuenta ... bloquead|cuenta ... cerrada|cuenta ... cancelada|cuenta ... inactiv
account ... bloccat|account ... chius|account ... sospes|casella ... bloccat|casella ... sospes
conta ... bloquead|conta ... encerrad|conta ... inativ|account ... geblokkeerd|konto ... zablokowan
skrzynka ... zablokowan
konto ... nieaktywn|účet ... zablokován|schránka ... zrušen|ящик ... отключен|ящик ... удален|аккаунт ... удален
аккаунт ... отключен|ящик ... неактив|konto ... spärra|konto ... sperret|konto ... inaktiv|tili ... suljettu
hesap ... kapatıl|hesabı ... kapatıl|fiók ... letiltott|アカウント ... 無効|アカウント ... 停止
メールボックス ... 停止|帐号 ... 停
账号 ... 禁用|帐户 ... 禁用|账户 ... 禁用|계정 ... 정지|メールアドレス ... 無効
"""
_REJECTED: Final = """
rejected by destination domain|not accepted by|group you tried to contact|groups.google.com/support
you may not have permission to post
members only|moderated|non-member|not a member|subscribers only|not subscribed|post to this|posting to
not permitted to send
not allowed to send|sender is unauthorized|sender unauthorized|sender address|sender verif|callout verif
callback
bad return|return address|null return|bounce message|bounce address|invalid from|forged|sender's domain
sender's address
sender ... denied|sender ... rejected|sender ... blocked|sender ... not allowed|from your address
your address has been|your address is
your domain|your email address|your e-mail address|your email has been|blocked the sender|blocked sender
blocked you
"""
_NOTACCEPT: Final = """
system not accepting network messages|does not accept smtp|not accept mail at|no mail accepted|no mail service
not a mail server
not a mail host|does not receive email|doesn't accept email|doesn't receive mail|mail not accepted here
no smtp|mail service is not|does not handle mail|does not handle email|no email service|mail is not accepted
no mail here
null-mx|this domain never|never receives|email not accepted|not configured to accept mail
"""
_NETWORKERROR: Final = """
aliasing/forwarding loop|forwarding loop|mail loops|looped|loop count|too many received|too many "received"
received: headers
wasn't able to establish an smtp|establish an smtp connection|dns error|dns failure|dns problem|dns query
name server error
nameserver|name resolution|temporarily unable to resolve|domain lookup|dns resolution|dns lookup|network failure
networking
routing error|routing failure|no route|mx loop|mail exchanger loop|all mx|mx records point|best preference
config error: mail
ループ|循环|loop erkannt|boucle|bucle|pętla|зацикл|duplicated message-id
"""
_HOSTUNKNOWN: Final = """
no such host is known|host name lookup failed|host not known|host ... not found|domain ... not found
domain cannot be
domain name does not|domain name doesn't|domain isn't|domain is invalid|domain invalid|bad domain
unknown domain name
domain name unknown|domain has no|domain ... couldn't be found|domain ... could not be found|domain wasn't found
dns name does not|non existent domain
no such domain at this location|no a record|no mx or a records|does not resolve|doesn't resolve
host does not|hostname unknown|unknown hostname|bad host|invalid host|nonexistent host
host lookup did not complete: unknown
domaine inconnu|domaine ... introuvable|domaine n'existe|hôte inconnu|domain ... nicht gefunden
domain existiert|unbekannter host|unbekannte domain|dominio desconocido|dominio sconosciuto
domény|ドメイン ... 見つか|ドメイン ... 存在
domäne ... nicht gefunden|domäne ... existiert nicht|dominio ... no existe|dominio ... no encontrado
dominio ... non esiste|domínio ... não|domein ... niet gevonden|domein ... bestaat niet|domena ... nie istnieje
doména ... neexistuje
домен ... не существует|домен ... не найден|ドメイン ... 存在しない|域名 ... 不存在|域名 ... 找不到
도메인 ... 찾을
alan adı ... bulunamadı
"""
_USERUNKNOWN: Final = """
p=nosuchuser|nosuchuser|answer=6596|did not exactly match|no matching directory|nodirmtch|not in my user list
not present in directory
not in address book|not in our directory|not in directory|not in the directory|not in our database
unknown to address|unknown rcpt|unknown user|unknown destination|unknown or illegal alias|unknown virtual user
unknown name
invalid or unknown|no such rcpt|no such alias|no such virtual|no such mail|no such id|no such username
no one by that name|no one here
user not known|user not exist|user not exists|user no exist|user no found|user does not|user is not|user isn't
user ... not exist|user ... unknown|user ... not known|user ... not recognized|recipient not exist
recipient ... not exist
recipient ... not known|recipient ... not recognized|mailbox not exist|mailbox ... not exist|mailbox ... unknown
rcpt not exist
account ... not exist|account ... not found|account is unknown|account is invalid|address ... not exist
address ... not found
address ... not known|address ... unknown|address not known|address not valid|address is not valid
address not exist|address not recognized
dosn't exist|don't exist|does not exists|not existing|not exist on|doesn't exist on|does not exist at
isn't a valid|isn't valid
isn't a known|isn't known|isn't listed|is not a mailbox|not a mailbox|not a known|not a user|not known to
not recognized here
unrecognized recipient|unrecognised|unrecognized user|unrecognized address|unrecognized mailbox|not recognised
couldn't find ... user
couldn't find ... recipient|couldn't find ... address|can't find ... user|cannot find ... user
could not find ... user
not find mailbox|not find user|recipient verification failed|recipient validation
invalid rcpt|invalid username|invalid user name|invalid destination|invalid ... mailbox|invalid ... recipient
invalid ... address
wrong recipient|wrong address|wrong mailbox|wrong user|wrong email|incorrect address|incorrect email
address is incorrect
misspelled|misspelt|not allocated|unallocated|addressee not found|addressee unknown|addressee is unknown
lookup in domain map failed
mailbox not here|mailbox nonexistent|nonexisting|non existing|non-existing|nonexistant|non-existant
user ... no longer
mailbox ... no longer|account ... no longer|address ... no longer|no longer here|no longer has|no longer an
no longer in our
no longer employed|no longer registered|recipient ... no longer|doesn't have a gmx|doesn't have a mail
does not have an email
does not have a mailbox|has no mailbox|has no account|has no email|not have an account|does not have a valid
we do not have
recipient unavailable|recipient address unknown|recipient not available|resolver.adr|recipientnotfound
rcp-p1|ib504b|dt:unk|mailbox cannot be found|mailbox can not be found|mailbox could not be found
no receiver|receiver not|receiver unknown|receiver does|unknown receiver|invalid receiver|addr not found
inconnu|inexistant|introuvable|n'existe pas|n'a pas été trouvé|pas été trouvée|adresse erronée|non recensé
adresse invalide
unbekannt|existiert nicht|nicht gefunden|nicht vorhanden|kein solcher|keine solche|ungültige adresse
ungültiger empfänger
desconocid|no encontrad|no se encontró|no se encontro|inexistente|no existente|dirección incorrecta
no ha sido encontrad
sconosciut|non esiste|non trovat|non è stato trovato|inesistente
desconhecid|não encontrad|nao encontrad|não foi encontrad|não existe
onbekend|bestaat niet|niet gevonden|bestaat hier niet
nieznan|nie istnieje|nie znaleziono|nie został znaleziony|brak takiego|nie ma takiego
neznám|neexistuje|nenalezen|nebyl nalezen
неизвестн|не существует|не найден|несуществующ|нет такого|такого пользователя нет|неверный адрес
не зарегистрирован|не існує|не знайдено
okänd|finns inte|hittades inte|existerar inte|ukendt|findes ikke|blev ikke fundet|eksisterer ikke|ukjent
finnes ikke|ikke funnet
tuntematon|ei ole olemassa|ei löytynyt|ei löydy|olematon
bilinmeyen|bulunamadı|mevcut değil|böyle bir kullanıcı|ismeretlen|nem létez|nem található|necunoscut|nu există
nu a fost găsit
άγνωστ|δεν υπάρχει|δεν βρέθηκε|לא קיים|לא נמצא|לא נמצאה|غير موجود|غير معروف|لم يتم العثور
見つかりません|見つかりませんでした|存在しない|存在しません|不明|登録されていません|使われていない
宛先 ... ありません|ユーザーがいません|ユーザーは存在|受信者が見つか
不存在|找不到|未找到|未知用户|无此用户|无此用戶|用户不存在|收件人不存在|地址不存在|查無此人|查无此
존재하지 않|없는 사용자|알 수 없는|찾을 수 없|không tồn tại|tidak ditemukan|ไม่พบ
adresse ... non valide|adresse ... ungültig|empfänger ... ungültig|dirección ... no es válid
dirección ... inválid|indirizzo ... non valido|indirizzo ... non è valido|indirizzo ... errato
endereço ... inválid|endereço ... não é válid|destinatário ... inválid
adres ... ongeldig|adres ... nieprawidłow|adresa ... neplatn|adres ... geçersiz|alıcı ... geçersiz|地址 ... 无效
地址 ... 不正确|收件人 ... 无效
"""
_FILTERED: Final = """
blocked by user|blocked by the user|recipient has blocked|recipient blocked|user has blocked|filtered by user
recipient filter
recipient's filter|rejected by user|refused by recipient|not accept your|does not want|doesn't want|don't want
mail rejected by user
recipient's preferences|recipient has chosen|allow list|approved senders|only accepts|not accepting mail with
unwanted by|rcp-p
domain rejection|recipient preferences|sender not allowed by recipient|inbox rules|privacy settings
"""
_EXPIRED: Final = """
maximum delivery attempts|delivery attempts|failing for a long time|still undelivered after|undelivered after
maximum retries
maximum number of retries|number of retries|retries exceeded|retry limit|too many retries|too old|queue too long
could not be delivered within|hours expired|days expired|undeliverable for|for more than|for too long
for a long time|unable to contact
couldn't contact|could not contact|cannot contact|unable to reach|could not reach|couldn't reach|server did not
did not answer|does not answer|not answer|connection attempt|connection timed|operation timed|handshake timed
remote server closed
remote host closed|unexpectedly|broken pipe|host unreachable|server unreachable|host not responding|abgelaufen
zeitüberschreitung
expiré|caducad|scadut|timeout|verlopen|upłyn|vypršel|истек|タイムアウト|期限|过期|超时|逾時
"""
_SECURITYERROR: Final = """
relay with authentication|requires authentication|authenticate|auth required|authorization required
authorisation|not logged in
log in first|login first|access not|access rejected|credentials|smtp auth|security failure|security violation
insufficient rights
not permitted|not entitled
"""
_SYNTAXERROR: Final = """
malformed address|may not follow|incorrectly constructed|bad address syntax|address syntax|syntactically
illegal address
illegal character|bad recipient address|parse error|unbalanced|invalid syntax|bad syntax|syntax of|syntax:
command rejected
command out of sequence|out of sequence|unexpected command|not implemented|unimplemented|bad parameter
invalid parameter
unrecognised command|improper|polite people|malformed
"""
_MAILERERROR: Final = (
    "delivery agent|vdeliver|maildrop|local mailer|deliverslot|child crashed|filter program|vacation program"
)
_SYSTEMERROR: Final = """
system trouble|temporarily out of|maintenance|overloaded|load too high|too busy|server busy|server is busy
host busy|busy
backend|misconfigured|misconfiguration|internal failure|unexpected error|unknown error|error processing
queue file
cannot process|could not process|unable to process|not currently|currently unable|currently not|try again
retry later|service error
requested action aborted|technical problem|service down|error in processing|not operational|cannot lock
can't lock|unable to lock
interner fehler|erreur interne|error interno|errore interno|erro interno|внутренняя ошибка|内部エラー|内部错误
系统错误
"""

MORE: Final[Mapping[Reason, str]] = {
    Reason.SUPPRESSED: _SUPPRESSED,
    Reason.RATELIMITED: _RATELIMITED,
    Reason.AUTHFAILURE: _AUTHFAILURE,
    Reason.REQUIREPTR: _REQUIREPTR,
    Reason.FAILEDSTARTTLS: _FAILEDSTARTTLS,
    Reason.BADREPUTATION: _BADREPUTATION,
    Reason.BLOCKED: _BLOCKED,
    Reason.NORELAYING: _NORELAYING,
    Reason.VIRUSDETECTED: _VIRUSDETECTED,
    Reason.EMAILTOOLARGE: _EMAILTOOLARGE,
    Reason.NOTCOMPLIANTRFC: _NOTCOMPLIANTRFC,
    Reason.SPAMDETECTED: _SPAMDETECTED,
    Reason.POLICYVIOLATION: _POLICYVIOLATION,
    Reason.CONTENTERROR: _CONTENTERROR,
    Reason.SYSTEMFULL: _SYSTEMFULL,
    Reason.MAILBOXFULL: _MAILBOXFULL,
    Reason.HASMOVED: _HASMOVED,
    Reason.ONHOLD: _ONHOLD,
    Reason.SUSPEND: _SUSPEND,
    Reason.REJECTED: _REJECTED,
    Reason.NOTACCEPT: _NOTACCEPT,
    Reason.NETWORKERROR: _NETWORKERROR,
    Reason.HOSTUNKNOWN: _HOSTUNKNOWN,
    Reason.USERUNKNOWN: _USERUNKNOWN,
    Reason.FILTERED: _FILTERED,
    Reason.EXPIRED: _EXPIRED,
    Reason.SECURITYERROR: _SECURITYERROR,
    Reason.SYNTAXERROR: _SYNTAXERROR,
    Reason.MAILERERROR: _MAILERERROR,
    Reason.SYSTEMERROR: _SYSTEMERROR,
}


def more_phrases(reason: Reason) -> tuple[str, ...]:
    """The further phrases of a reason, in their order."""
    table = MORE.get(reason, "")
    return tuple(phrase for line in table.split("\n") for phrase in line.split("|") if phrase)
