"""The forms in which notices name recipients, quote hosts and begin the copy of the original, as patterns.

Pure, data only, for mail/notice and mail/rawbounce. Every repetition is bounded: hostile text costs linear time.
"""

from __future__ import annotations

import re

# Where the notice ends and the copy of the original begins.
COPY = re.compile(
    r"^[ \t>|*#=_-]*(?:"
    r"(?:this|below|here|enclosed|attached|following|attachment) (?:is|this line is|line is)? ?a? ?copy\b"
    r"|below this line is a copy|here is a copy|below is a copy"
    r"|(?:the )?(?:headers?|text|copy|body) of (?:the|your) (?:original )?message"
    r"|(?:start of )?(?:the )?(?:original|returned|unsent|undelivered|bounced|rejected) (?:e-?mail|mail|message)"
    r"(?: text| header| headers| info)*(?: (?:follows?|below|info|attached|as follows))?\W*$"
    r"|message headers? follows?|message text follows|(?:original )?message headers?:?\W*$"
    r"|unsent message below|old message|original mail as follows"
    r"|content-type: (?:message/rfc822|text/rfc822-headers)|return-path:|received: )",
    re.IGNORECASE | re.MULTILINE,
)
# Full-width marks of Chinese and Japanese text end an address too.
ADDRESS = r"""[^\s<>()\[\]:;,"'|：；，、。（）＜＞「」【】]{1,64}@[A-Za-z0-9\u0080-\uffff._-]{1,255}"""
# An address at the head of a line, after marks and at most one label: "<a@b>:", "  a@b", "Recipient: [SMTP:a@b]".
LISTED = re.compile(
    r"^[ \t*•·|>-]*+(?:(?P<label>[^\s:：<>@][^:：<>@\n]{0,40})[:：][ \t]*)?[ \t\"'<＜「\[(]*+"
    r"(?:[245]\d\d-[ \t\"'<\[(]*+)?(?:smtp:|mailto:|rfc822;[ ]?)?"
    rf"(?P<address>{ADDRESS})[\"'>\])]*(?P<rest>.*)$",
    re.IGNORECASE,
)
# The recipient, as mail systems call him in a label, in many languages.
_RECIPIENTS = (
    "empfänger|adressat|destinataires?|destinatari[oi]s?|destinatários?|geadresseerden?|ontvangers?|odbiorc[ay]|adresat"
    "|adresáti?|příjemc[ei]|príjemca|получател[ьяи]|адресаты?|одержувач|mottagare|modtagere?|mottakere?|vastaanottajat?"
    "|alıcı(?:lar)?|címzett(?:ek)?|destinatar(?:ul)?|παραλήπτης|收件人(?:地址)?|收件者|收信人|宛先|あて先|受信者|送信先|送り先"
    "|받는 ?사람|수신자|수신인|người nhận|penerima|ผู้รับ"
)
# The labels that such a line may have; any other (From, Reply-To, Contact) tells of something else.
LABELS = re.compile(
    r".*(error-for|target|undeliverable|\b(mail|mailbox|message|deliver\w*|user|userid|size|recipients?|address(es)?|account"
    rf"|attempts|failed|unknown|{_RECIPIENTS})\b).*",
    re.IGNORECASE,
)
OTHER_LABELS = re.compile(
    r".*\b(from|sender|reply|contact|by|e-?mail|help|questions?|postmaster|header|message-id)\b.*", re.IGNORECASE
)
# Local parts alone on their lines below a colon, as Exim and AOL list users of their own.
BARE = re.compile(r":[ \t]*\n(?:[ \t]*\n)?(?P<names>(?:[ \t]{1,8}<?[A-Za-z0-9][\w.+-]{0,63}>?:?[ \t]*(?:\n|\Z)){1,50})")
ANGLED = re.compile(rf"<(?P<address>{ADDRESS})>")
# An address within a sentence about delivery.
SENTENCE = re.compile(
    r"(?:deliver(?:y|ed|ing)?\b[^<@\n]{0,60}?\bto\b|send(?:ing)?\b[^<@\n]{0,40}\bto\b"
    r"|addressed(?: to|,)|message to|mail to|e-?mail to|rejected recipient|undeliverable to"
    rf"|recipient|the user|following user|{_RECIPIENTS}"
    r"|(?:nachricht|e-?mail|zustellung) an|message à|mensaje a|messaggio a|mensagem (?:a|para)|bericht aan"
    r"|wiadomość do|(?:сообщение|письмо) (?:на адрес|для)"
    r"|user unknown|unknown user|address|generated from|expanded from)"
    rf"[\s:：\"'<＜「(\[]{{0,6}}(?P<address>{ADDRESS})",
    re.IGNORECASE,
)
# "554 <a@b>... 550 Host unknown" of sendmail, "RCPT TO:<a@b>" of a dialogue.
REFUSED = re.compile(rf"^\W*[45]\d\d[ -](?:[45]\.\d+\.\d+ )?<?(?P<address>{ADDRESS})>?\.\.\.", re.IGNORECASE)
ASKED = re.compile(rf"^\W*(?:in:\s*)?rcpt to:\s*<?(?P<address>{ADDRESS})>?", re.IGNORECASE)
SUMMARY = re.compile(rf"^\W*to:\s*\W{{0,3}}(?P<address>{ADDRESS})", re.IGNORECASE)
EXPANDED = re.compile(rf"(?:generated|expanded|forwarded|aliased)\s+from:?\s*<?(?P<address>{ADDRESS})>?", re.IGNORECASE)
REPLY_LINE = re.compile(r"(?<![\d.\w-])[45]\d\d(?:[ -]|$)(?![ ]?(?:seconds|minutes|hours|bytes|kb)\b)")
FORWARDED = re.compile(r"\W*(?:fwd?|wg|tr|rv|i|doorst|enc|pd|vb|ilt|vs|转发|轉寄)\s*[:：]", re.IGNORECASE)
SERVICE = re.compile(
    r"(postmaster|abuse|hostmaster|mailer-daemon|webmaster|support|help(desk)?|noc|no-?reply)@.*", re.IGNORECASE
)
