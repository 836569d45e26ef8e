"""What a person wrote and what he quoted, told apart in the ways of the programs that people use; own samples."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.letter import OWN, QUOTATION, read_letter
from mail.page_text import page_text
from mail.quoted import split_quoted

ANNOUNCEMENTS = [
    "On Tue, Mar 3, 2026 at 12:30 PM Ann Lee <ann@ours.test> wrote:",
    "On Tue, Mar 3, 2026 at 12:30 PM Ann Lee <ann@ours.test>\nwrote:",
    "On 03/03/2026 12:30, Ann Lee wrote:",
    "On 3 Mar 2026, at 12:30, Ann Lee <ann@ours.test> wrote:",
    "On Tuesday, March 3rd, 2026 at 12:30 PM, Ann Lee <ann@ours.test> wrote:",
    "Ann Lee <ann@ours.test> writes on 2026-03-03:",
    "вт, 3 мар. 2026 г. в 12:30, Анна <ann@ours.test>:",
    "03.03.2026 12:30, Анна пишет:",
    "Вторник, 3 марта 2026, 12:30 +03:00 от Анна <ann@ours.test>:",
    '03.03.2026, 12:30, "Анна" <ann@ours.test>:',
    "3 марта 2026 г., в 12:30, Анна <ann@ours.test> написал(а):",
    "Вы писали 3 марта 2026 г., 12:30:24:",
    "вт, 3 бер. 2026 р. о 12:30 Анна <ann@ours.test> пише:",
    "Am Di., 3. März 2026 um 12:30 Uhr schrieb Ann Lee <ann@ours.test>:",
    "Am 03.03.26 um 12:30 schrieb Ann Lee:",
    "Le mar. 3 mars 2026 à 12:30, Ann Lee <ann@ours.test> a écrit :",
    "Le 03/03/2026 à 12:30, Ann Lee a écrit :",
    "El mar, 3 mar 2026 a las 12:30, Ann Lee (<ann@ours.test>) escribió:",
    "El 3/3/26 a las 12:30, Ann Lee escribió:",
    "Il giorno mar 3 mar 2026 alle ore 12:30 Ann Lee <ann@ours.test> ha scritto:",
    "Il 03/03/2026 12:30, Ann Lee ha scritto:",
    "Em ter., 3 de mar. de 2026 às 12:30, Ann Lee <ann@ours.test> escreveu:",
    "A 03/03/2026 12:30, Ann Lee escreveu:",
    "Op di 3 mrt 2026 om 12:30 schreef Ann Lee <ann@ours.test>:",
    "wt., 3 mar 2026 o 12:30 Ann Lee <ann@ours.test> napisał(a):",
    "W dniu 3.03.2026 o 12:30, Ann Lee pisze:",
    "Den tis 3 mars 2026 kl 12:30 skrev Ann Lee <ann@ours.test>:",
    "ti 3. maalisk. 2026 klo 12.30 Ann Lee (ann@ours.test) kirjoitti:",
    "út 3. 3. 2026 v 12:30 odesílatel Ann Lee <ann@ours.test> napsal:",
    "Ann Lee <ann@ours.test>, 3 Mar 2026 Sal, 12:30 tarihinde şunu yazdı:",
    "În mar., 3 mar. 2026 la 12:30, Ann Lee <ann@ours.test> a scris:",
    "Ann Lee <ann@ours.test> 于2026年3月3日周二 12:30写道：",
    "2026年3月3日(火) 12:30 Ann Lee <ann@ours.test>:",
]
BLOCKS = [
    "-----Original Message-----\nFrom: Ann Lee",
    "---------- Forwarded message ---------\nFrom: Ann Lee <ann@ours.test>",
    "-------- Исходное сообщение --------\nТема: x",
    "-------- Пересылаемое сообщение --------\n03.03.2026, 12:30, Анна",
    "-----Ursprüngliche Nachricht-----\nVon: Ann Lee",
    "-----Message d'origine-----\nDe : Ann Lee",
    "-----Mensaje original-----\nDe: Ann Lee",
    "-----Messaggio originale-----\nDa: Ann Lee",
    "-----Mensagem original-----\nDe: Ann Lee",
    "Begin forwarded message:\n",
    "Начало переадресованного сообщения:\n",
    "From: Ann Lee <ann@ours.test>\nSent: Tuesday, March 3, 2026 12:30 PM\nTo: Carl\nSubject: offer",
    "*From:* Ann Lee <ann@ours.test>\n*Sent:* Tuesday\n*To:* Carl\n*Subject:* offer",
    "________________________________\nОт: Анна\nОтправлено: 3 марта 2026 г. 12:30\nКому: Карл\nТема: x",
    "Von: Ann Lee\nGesendet: Dienstag, 3. März 2026 12:30\nAn: Carl\nBetreff: x",
    "De : Ann Lee\nEnvoyé : mardi 3 mars 2026 12:30\nÀ : Carl\nObjet : x",
    "De: Ann Lee\nEnviado el: martes, 3 de marzo de 2026 12:30\nPara: Carl\nAsunto: x",
    "Da: Ann Lee\nInviato: martedì 3 marzo 2026 12:30\nA: Carl\nOggetto: x",
    "De: Ann Lee\nEnviada em: terça-feira, 3 de março de 2026 12:30\nPara: Carl\nAssunto: x",
]


@pytest.mark.parametrize("line", ANNOUNCEMENTS)
@pytest.mark.parametrize("mark", ["> ", ""], ids=["marked", "unmarked"])
def test_the_line_that_announces_goes_with_what_it_announces(line: str, mark: str) -> None:
    said = split_quoted(f"Yes, at 3 o'clock.\r\n\r\n{line}\r\n\r\n{mark}Our offer\r\n{mark}of March\r\n")
    assert said.own == "Yes, at 3 o'clock."
    assert said.quoted.endswith(f"{mark}Our offer\n{mark}of March")


@pytest.mark.parametrize("block", BLOCKS)
def test_all_behind_a_divider_or_a_header_block_is_quoted(block: str) -> None:
    said = split_quoted(f"Thank you.\n\n{block}\n\nOur offer\n")
    assert (said.own, said.quoted.splitlines()[-1]) == ("Thank you.", "Our offer")


def test_answers_between_and_behind_quotations_are_the_authors_own() -> None:
    said = split_quoted("On 03/03/2026 12:30, Ann wrote:\n> one?\nYes.\n> two?\nNo.\n\n-- \nCarl")
    assert said.own == "Yes.\nNo.\n\n-- \nCarl".replace("-- ", "--")
    assert said.quoted == "On 03/03/2026 12:30, Ann wrote:\n> one?\n> two?"


@pytest.mark.parametrize(
    "text",
    [
        "He wrote 3 things:\n\n- one\n- two",
        "The meeting is at 12:30 in these rooms:\nfirst\nsecond",
        "From: the heart\nI thank you.",
        "To: do\nSubject: matters",
        "Write to me <carl@remote.test>:\nany time",
        "a -- b\n----------\nc",
        "> a\n> b",
        "",
    ],
)
def test_what_announces_nothing_is_the_authors_own(text: str) -> None:
    assert split_quoted(text).quoted == ""
    assert split_quoted(text).own == text


PAGES = {
    "gmail": (
        '<div dir="ltr">Yes &amp; thanks</div><br><div class="gmail_quote gmail_quote_container"><div dir="ltr"'
        ' class="gmail_attr">On Tue, Mar 3, 2026 Ann wrote:<br></div><blockquote class="gmail_quote"'
        ' style="margin:0">Our <b>offer</b></blockquote></div>'
    ),
    "apple": (
        "<html><body>Yes &amp; thanks<br><div><br><blockquote type='cite'><div>On 3 Mar 2026, at 12:30, Ann wrote:"
        "</div></blockquote></div><blockquote type='cite'><div>Our offer</div></blockquote></body></html>"
    ),
    "thunderbird": (
        "<html><head><title>x</title></head><body><p>Yes &amp; thanks</p><div class='moz-cite-prefix'>On 03/03/2026 "
        "12:30, Ann wrote:<br></div><blockquote type='cite' cite='mid:1@ours.test'>Our offer</blockquote></body></html>"
    ),
    "outlook": (
        "<html><head><style>p.MsoNormal {margin:0}</style></head><body><p class=MsoNormal>Yes &amp; thanks"
        "<o:p></o:p></p>"
        "<div style='border-top:solid #E1E1E1 1.0pt'><p class=MsoNormal><b>From:</b> Ann<br><b>Sent:</b> Tuesday<br>"
        "<b>To:</b> Carl<br><b>Subject:</b> offer</p></div><p>Our offer</p></body></html>"
    ),
    "outlook.com": (
        '<div>Yes &amp; thanks</div><div id="appendonsend"></div><hr><div id="divRplyFwdMsg"><b>Von:</b> Ann</div>'
        "<div>Our offer</div>"
    ),
    "yahoo": (
        '<div>Yes &amp; thanks</div><div class="yahoo_quoted"><div>On Tuesday, Ann wrote:</div>'
        "<div>Our offer</div></div>"
    ),
    "yandex": (
        '<div>Yes &amp; thanks</div><div>03.03.2026, 12:30, "A" &lt;a@b.c&gt;:</div><blockquote>Our offer</blockquote>'
    ),
    "mail.ru": (
        "<div>Yes &amp; thanks</div><blockquote style='border-left:1px solid #0857A6'>Вторник, 3 марта 2026, 12:30 от A"
        " &lt;a@b.c&gt;:<br><div>Our offer</div></blockquote>"
    ),
}


@pytest.mark.parametrize("program", PAGES)
def test_a_page_is_its_words_and_what_its_program_quoted(program: str) -> None:
    said = split_quoted(page_text(PAGES[program]))
    assert said.own == "Yes & thanks"
    assert "Our offer" in said.quoted


def test_nothing_that_acts_or_hides_comes_out_of_a_page() -> None:
    page = (
        "<script>steal()</script><style>x{}</style><p onclick='steal()'>Hello<img src='http://spy.test/1' alt='x'>"
        "<!-- hidden --></p><pre>a\n  b</pre><ul><li>one<li>two</ul>&lt;script&gt;\u202ecod.exe<svg><script>steal()"
    )
    said = split_quoted(page_text(page)).own
    assert said == "Hello\n\na\n  b\n\n- one\n- two\n\n<script>cod.exe"


@given(st.text(alphabet="<>/ab=\"'& \n:!-0123456789@", max_size=400))
def test_no_line_of_any_text_is_lost(text: str) -> None:
    page_text(text)
    said = split_quoted(text)
    kept = sorted(line for part in (said.own, said.quoted) for line in part.split("\n") if line.strip())
    assert kept == sorted(line.rstrip() for line in text.split("\n") if line.strip())


HOSTILE = [
    "<" * 200_000,
    "<a " * 80_000,
    "<blockquote>" * 20_000,
    "> " * 100_000,
    "From:\n" * 30_000,
    "wrote " * 40_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=[one[:6].strip() for one in HOSTILE])
def test_hostile_text_is_read_in_linear_time(text: str) -> None:
    """Quadratic work over these would outlast the limit of every test by far."""
    split_quoted(text)
    split_quoted(page_text(text))


def test_a_letter_names_its_attachments_and_what_it_answers() -> None:
    raw = (
        b"From: =?utf-8?q?Karl?= <carl@r.test>\r\nSubject: =?utf-8?b?0J7RgtCy0LXRgg==?=\r\nMessage-ID: <2@r.test>\r\n"
        b"In-Reply-To: <c@o.test>\r\nReferences: <a@o.test> <b@o.test>\r\n <c@o.test>\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\nContent-Type: text/plain; charset=koi8-r\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n68/OxcPJ\r\n--x\r\nContent-Type: application/pdf;\r\n"
        b" name*0*=utf-8''%D0%9F; name*1=.pdf\r\n\r\nx\r\n--x\r\nContent-Type: text/plain\r\n"
        b'Content-Disposition: attachment; filename="../a\\"b.txt"\r\n\r\nnot said\r\n--x\r\n'
        b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nnot said\r\n--x--\r\n"
    )
    said = read_letter(raw)
    assert (said.subject, said.own, said.quoted) == ("Ответ", "Конеци", "")
    assert said.attachments == ("П.pdf", '.._a"b.txt', "message/rfc822")
    assert (said.message_id, said.answers) == ("<2@r.test>", ("<c@o.test>", "<b@o.test>", "<a@o.test>"))


def test_a_letter_is_kept_within_bounds_and_says_so() -> None:
    long = "word " * 20_000
    said = read_letter(f"Subject: {'s' * 3000}\r\n\r\n{long}\r\n\r\n> {long}\r\n".encode())
    assert (len(said.subject), len(said.own), said.cut) == (500, OWN, True)
    assert len(said.quoted) <= QUOTATION
    assert not read_letter(b"Subject: x\r\n\r\nshort\r\n").cut


@given(st.binary(max_size=500))
def test_any_octets_are_a_letter(raw: bytes) -> None:
    read_letter(raw)
    read_letter(b"Content-Type: text/html\r\nContent-Disposition: ; filename*0*=x\r\n\r\n" + raw)
