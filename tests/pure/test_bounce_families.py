"""Notices after the habits of many mail systems and languages, all written by us: whom each names, and what follows.

Each is (name, From, Subject, text, recipient, reason, effect). The copy of the original says who it was for, and is
needed where a notice names nobody.
"""

from __future__ import annotations

import pytest

from mail.outcome import Kind
from policy.classification import classify_mail

DAEMON = "Mail Delivery System <MAILER-DAEMON@mx.relay.example>"
ANN = "ann@site.example"
COPY = (
    "\n\nFrom: <sender@ours.example>\nTo: <ann@site.example>\nSubject: Offer\nMessage-ID: <1@ours.example>\n\nHello\n"
)
ORIGINAL = "\n\n----- Original message -----" + COPY

Sample = tuple[str, str, str, str, str | None, str, str]

FAMILIES: list[Sample] = [
    (
        "mdaemon",
        "postmaster@relay.example",
        "MDaemon Warning - Could not deliver message",
        "The following data may contain sections which represent BASE64 encoded\n"
        "attachments.\n\n"
        "------ Session transcript ------\n"
        "--> RCPT To:<ann@site.example>\n"
        "<-- 550 5.1.1 <ann@site.example>: Recipient unknown\n",
        ANN,
        "userunknown",
        "block",
    ),
    (
        "mailenable",
        "postmaster@relay.example",
        "Message Delivery Failure",
        "MailEnable: Message could not be delivered to some recipients.\n"
        "The following recipient(s) could not be reached:\n\n\tRecipient: [SMTP:ann@site.example]\n\t"
        "Reason: Remote SMTP Server Returned: 550 No such user here\n",
        ANN,
        "userunknown",
        "block",
    ),
    (
        "courier",
        '"Courier mail server at relay.example" <@relay.example>',
        "NOTICE: mail delivery status.",
        "This is a delivery status notification from relay.example,\n"
        "running the Courier mail server.\n\n"
        "The original message was received on Mon, 02 Nov 2026\n\n"
        "---------------------------------------------------------------------------\n\n                           "
        "UNDELIVERABLE MAIL\n\n"
        "Your message to the following recipients cannot be delivered:\n\n"
        "<ann@site.example>:\n    mx.site.example [192.0.2.9]:\n"
        ">>> RCPT TO:<ann@site.example>\n"
        "<<< 550 User unknown.\n",
        ANN,
        "userunknown",
        "block",
    ),
    (
        "communigate",
        "MAILER-DAEMON@relay.example",
        "Undeliverable mail: Offer",
        "Failed to deliver to 'ann@site.example'\n"
        "SMTP module(domain site.example) reports:\n account is full (quota exceeded)\n",
        ANN,
        "mailboxfull",
        "full",
    ),
    (
        "kerio",
        "postmaster@relay.example",
        "Delivery failure",
        "Your message could not be delivered to the following recipient:\n\n"
        "ann@site.example\n\n"
        "Reason: The mailbox of the recipient has exceeded its quota.\n",
        ANN,
        "mailboxfull",
        "full",
    ),
    (
        "surgemail",
        "Postmaster <postmaster@relay.example>",
        "Mail bounced (Offer)",
        "Could not deliver your message to <ann@site.example>\nError (550 Sorry, no mailbox here by that name)\n",
        ANN,
        "userunknown",
        "block",
    ),
    (
        "domino",
        "postmaster@relay.example",
        "DELIVERY FAILURE: User ann (ann@site.example) not listed in Domino Directory",
        "Your message\n\n  Subject: Offer\n\n"
        "was not delivered to:\n\n  ann@site.example\n\n"
        "because:\n\n  User ann (ann@site.example) not listed in Domino Directory\n",
        ANN,
        "userunknown",
        "block",
    ),
    (
        "groupwise",
        "Mailer-Daemon <postmaster@relay.example>",
        "Message status - undeliverable",
        "The message that you sent was undeliverable to the following:\n\tann (user not found)\n",
        ANN,
        "userunknown",
        "block",
    ),
    (
        "imail",
        '"Postmaster" <postmaster@relay.example>',
        "Undeliverable Mail",
        "Unknown user: ann@site.example\n\n"
        "RCPT TO generated following response:\n"
        "550 unknown user\n\n"
        "Original message follows.\n",
        ANN,
        "userunknown",
        "block",
    ),
    (
        "zimbra amavis",
        '"Content-filter at relay.example" <postmaster@relay.example>',
        "Undeliverable mail, MTA-BLOCKED",
        "This message was created automatically by a mail filtering system.\n"
        "The message WAS NOT DELIVERED to:\n"
        "<ann@site.example>:\n  554 5.7.0 Reject, id=1 - BANNED: file type .exe\n",
        ANN,
        "policyviolation",
        "none",
    ),
    (
        "barracuda",
        "Spam Gateway <postmaster@relay.example>",
        "**Message you sent blocked by our bulk email filter**",
        "Your message to: ann@site.example\n"
        "was blocked by our Spam Firewall. The email you sent with the following subject\n"
        "has NOT BEEN DELIVERED:\n\n"
        "Subject: Offer\n",
        ANN,
        "spamdetected",
        "none",
    ),
    (
        "mimecast",
        "postmaster@relay.example",
        "[Postmaster] Email Delivery Failure",
        "This is a delivery failure notification message indicating that\n"
        "an email you addressed to email address :\n"
        "-- ann@site.example\n\n"
        "could not be delivered. The problem appears to be :\n"
        "-- Recipient email address is possibly incorrect\n\n"
        "Additional information follows :\n"
        "-- 5.1.1 User unknown\n",
        ANN,
        "userunknown",
        "block",
    ),
    (
        "trend",
        "MAILER-DAEMON@relay.example",
        "Mail could not be delivered",
        "****** Message from InterScan Messaging Security Suite ******\n\n"
        "Sent >>> RCPT TO:<ann@site.example>\n"
        "Received <<< 550 5.1.1 unknown user\n\n"
        "Unable to deliver message to <ann@site.example>.\n",
        ANN,
        "userunknown",
        "block",
    ),
    (
        "aol user filter",
        "Mail Delivery Subsystem <MAILER-DAEMON@site.example>",
        "Mail Delivery Problem",
        "Sorry. Your mail to the following recipients could not be delivered because they are not "
        "accepting mail with attachments or embedded images:\n\tann\n",
        ANN,
        "filtered",
        "none",
    ),
    (
        "yahoo",
        "MAILER-DAEMON@site.example",
        "Failure Notice",
        "Sorry, we were unable to deliver your message to the following address.\n\n"
        "<ann@site.example>:\n"
        "554: delivery error: dd This user doesn't have a site.example account (ann@site.example) [0]\n",
        ANN,
        "userunknown",
        "block",
    ),
    (
        "mail.ru",
        "mailer-daemon@corp.site.example",
        "Mail failure.",
        "This message was created automatically by mail delivery software.\n\n"
        "A message that you sent could not be delivered to one or more of its recipients.\n"
        "This is a permanent error. The following address(es) failed:\n\n  ann@site.example\n    SMTP "
        "error from remote mail server after RCPT TO:<ann@site.example>:\n    host mxs.site.example: 550 "
        "Message was not accepted -- invalid mailbox.  Local mailbox ann@site.example is unavailable: "
        "account is disabled\n",
        ANN,
        "suspend",
        "block",
    ),
    (
        "yandex",
        "mailer-daemon@relay.example",
        "Недоставленное сообщение",
        "Это письмо отправлено почтовым сервером relay.example.\n\n"
        "К сожалению, мы вынуждены сообщить Вам о том, что Ваше письмо не может быть доставлено одному "
        "или нескольким адресатам.\n\n"
        "<ann@site.example>: host mx.site.example[192.0.2.9] said: 550 5.7.1 No such user! (in reply to "
        "RCPT TO command)\n",
        ANN,
        "userunknown",
        "block",
    ),
    (
        "qq",
        "PostMaster@relay.example",
        "系统退信/Systems bounce",
        "您的邮件被退回到您原来的发件地址。\n"
        "收件人邮件地址 (ann@site.example) 不存在，邮件无法送达。\n"
        "host mx.site.example said: 550 Mailbox not found.\n",
        ANN,
        "userunknown",
        "block",
    ),
    (
        "163",
        "Postmaster@relay.example",
        "系统退信",
        "抱歉，您的邮件被退回来了。\n收件人: ann@site.example\n退信原因：收件人邮箱空间不足，邮箱已满。\n",
        ANN,
        "mailboxfull",
        "full",
    ),
    (
        "zoho",
        "mailer-daemon@mail.relay.example",
        "Undelivered Mail Returned to Sender",
        "This message was created automatically by mail delivery software.\n"
        "A message that you sent could not be delivered to one or more of its recipients. This is a "
        "permanent error.\n\n"
        "ann@site.example Invalid Address, ERROR_CODE :550, ERROR_CODE :5.1.1 user does not exist\n",
        ANN,
        "userunknown",
        "block",
    ),
    (
        "docomo",
        "mail-daemon@docomo.site.example",
        "Undelivered Mail Returned to Sender",
        "This is the mail system at host docomo.site.example.\n\n"
        "<ann@site.example>: host mfsmax said: 550 Unknown user ann@site.example (in reply to end of "
        "DATA command)\n",
        ANN,
        "userunknown",
        "block",
    ),
    (
        "japanese carrier",
        "Postmaster@relay.example",
        "Mail System Error - Returned Mail",
        "次のあて先へのメッセージはエラーのため送信できませんでした。\n\n"
        "Each of the following recipients was rejected by a remote mail server.\n\n    Recipient: "
        "<ann@site.example>\n    >>> RCPT TO:<ann@site.example>\n    <<< 550 <ann@site.example>: User "
        "unknown\n",
        ANN,
        "userunknown",
        "block",
    ),
    (
        "exchange 5.5",
        "System Administrator <postmaster@relay.example>",
        "Undeliverable: Offer",
        "Your message\n\n  To:      ann@site.example\n  Subject: Offer\n  Sent:    Mon, 2 Nov 2026\n\n"
        "did not reach the following recipient(s):\n\n"
        "ann@site.example on Mon, 2 Nov 2026 10:00\n    The recipient name is not recognized\n",
        ANN,
        "userunknown",
        "block",
    ),
    (
        "exchange de",
        "postmaster@relay.example",
        "Unzustellbar: Angebot",
        "Fehler bei der Nachrichtenzustellung an folgende Empfänger oder Verteilerlisten:\n\n"
        "ann@site.example\n"
        "Die eingegebene E-Mail-Adresse konnte nicht gefunden werden.\n",
        ANN,
        "userunknown",
        "block",
    ),
    (
        "exchange fr",
        "postmaster@relay.example",
        "Non remis : Offre",
        "Échec de la remise à ces destinataires ou groupes :\n\n"
        "ann@site.example\n"
        "L'adresse de messagerie que vous avez entrée est introuvable.\n",
        ANN,
        "userunknown",
        "block",
    ),
    (
        "exchange es",
        "postmaster@relay.example",
        "No se puede entregar: Oferta",
        "No se pudo entregar el mensaje a los siguientes destinatarios:\n\n"
        "ann@site.example\n"
        "El buzón del destinatario está lleno.\n",
        ANN,
        "mailboxfull",
        "full",
    ),
    (
        "exchange nl",
        "postmaster@relay.example",
        "Onbestelbaar: Aanbod",
        "Kan geen bericht bezorgen aan:\n\nann@site.example\nHet e-mailadres is niet gevonden.\n",
        ANN,
        "userunknown",
        "block",
    ),
    (
        "exchange pl",
        "postmaster@relay.example",
        "Nie można dostarczyć: Oferta",
        "Dostarczenie do następujących adresatów nie powiodło się:\n\n"
        "ann@site.example\n"
        "Skrzynka pocztowa odbiorcy jest pełna.\n",
        ANN,
        "mailboxfull",
        "full",
    ),
    (
        "exchange pt",
        "postmaster@relay.example",
        "Não entregue: Oferta",
        "Falha na entrega a estes destinatários ou grupos:\n\n"
        "ann@site.example\n"
        "O endereço de email não foi encontrado.\n",
        ANN,
        "userunknown",
        "block",
    ),
    (
        "exchange tr",
        "postmaster@relay.example",
        "Teslim edilemedi: Teklif",
        "Şu alıcılara veya gruplara teslim edilemedi:\n\nann@site.example\nGirdiğiniz e-posta adresi bulunamadı.\n",
        ANN,
        "userunknown",
        "block",
    ),
    (
        "exchange sv",
        "postmaster@relay.example",
        "Gick inte att leverera: Erbjudande",
        "Det gick inte att leverera till följande mottagare:\n\nann@site.example\nE-postadressen hittades inte.\n",
        ANN,
        "userunknown",
        "block",
    ),
    (
        "gmail cs",
        "Mail Delivery Subsystem <mailer-daemon@relay.example>",
        "Delivery Status Notification (Failure)",
        "** Adresa nenalezena **\n\n"
        "Zprávu pro příjemce ann@site.example se nepodařilo doručit, protože adresa nebyla nalezena.\n\n"
        "550 5.1.1 The email account that you tried to reach does not exist.\n",
        ANN,
        "userunknown",
        "block",
    ),
    (
        "gmail nxdomain",
        "Mail Delivery Subsystem <mailer-daemon@relay.example>",
        "Delivery Status Notification (Failure)",
        "** Address not found **\n\n"
        "Your message wasn't delivered to ann@site.example because the domain site.example couldn't be "
        "found. Check for typos or unnecessary spaces and try again.\n",
        ANN,
        "hostunknown",
        "block",
    ),
    (
        "names nobody",
        DAEMON,
        "Returned mail",
        "The message below could not be delivered.\n\n552 5.2.2 mailbox full\n",
        ANN,
        "mailboxfull",
        "full",
    ),
    (
        "local user",
        DAEMON,
        "Mail delivery failed: returning message to sender",
        "A message that you sent could not be delivered. The following address(es) failed:\n\n  ann\n    "
        "mailbox is full\n",
        ANN,
        "mailboxfull",
        "full",
    ),
    (
        "v5 sendmail",
        DAEMON,
        "Returned mail: Host unknown",
        "   ----- Transcript of session follows -----\n"
        "550 <ann@site.example>... Host unknown (Name server: site.example: host not found)\n",
        ANN,
        "hostunknown",
        "block",
    ),
    (
        "orange",
        DAEMON,
        "Undelivered Mail Returned to Sender",
        "<ann@site.example>: host smtp-in.site.example[192.0.2.9] said: 550 5.1.1 Adresse d au moins un "
        "destinataire invalide. Invalid recipient. OFR204_416 [416] (in reply to RCPT TO command)\n",
        ANN,
        "userunknown",
        "block",
    ),
    (
        "icloud",
        DAEMON,
        "Undelivered Mail Returned to Sender",
        "<ann@site.example>: host mx.site.example[192.0.2.9] said: 552 5.2.2 <ann@site.example>: user is "
        "over quota (in reply to RCPT)\n",
        ANN,
        "mailboxfull",
        "full",
    ),
    (
        "our own blocklisting",
        DAEMON,
        "Undelivered Mail Returned to Sender",
        "<ann@site.example>: host mx.site.example[192.0.2.9] said: 550 5.7.1 Service unavailable; Client "
        "host [192.0.2.1] blocked using a DNSBL; user unknown (in reply to RCPT)\n",
        ANN,
        "blocked",
        "none",
    ),
]


def raw(sample: Sample) -> bytes:
    _, sender, subject, text, *_ = sample
    head = f"From: {sender}\nTo: sender@ours.example\nSubject: {subject}\nContent-Type: text/plain; charset=utf-8\n\n"
    return (head + text + ORIGINAL).encode()


@pytest.mark.parametrize("sample", FAMILIES, ids=[one[0] for one in FAMILIES])
def test_a_notice_tells_whom_and_why(sample: Sample) -> None:
    mail = classify_mail(raw(sample))
    told = [(one.recipient, one.reason.value, one.effect.value) for one in mail.recipients]
    assert (mail.kind, told) == (Kind.BOUNCE, [sample[4:]])


@pytest.mark.parametrize("sample", FAMILIES, ids=[one[0] for one in FAMILIES])
def test_a_person_who_forwards_or_answers_it_is_a_person(sample: Sample) -> None:
    _, _, subject, text, *_ = sample
    quoted = "".join(f"> {line}\n" for line in text.split("\n"))
    for fields, body in (
        (f"Subject: Fwd: {subject}\n", f"Hi, what does this mean?\n\n-------- Forwarded Message --------\n{text}"),
        (f"Subject: Re: {subject}\nIn-Reply-To: <1@ours.example>\n", f"I got this back:\n\n{quoted}"),
        ("Subject: my mail\n", f"Hello, yesterday I wrote to you and got this answer, is all well?\n\n{quoted}"),
    ):
        people = "From: Ann <ann@site.example>\nTo: sender@ours.example\n"
        head = f"{people}{fields}Content-Type: text/plain; charset=utf-8\n\n"
        assert classify_mail((head + body).encode()).kind is Kind.HUMAN
