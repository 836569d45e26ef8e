"""The words of hosts and what each means; a new rule adds its line here."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mail.outcome import Reason
from policy.bounce_rules import RULES, WEAK_RULES, plain, reason_in_words

WORDS = [
    ("5.1.1 <ann@site.example>: Recipient address rejected: User unknown in virtual mailbox table", Reason.USERUNKNOWN),
    ("The email account that you tried to reach does not exist. Please try double-checking", Reason.USERUNKNOWN),
    ("RESOLVER.ADR.RecipNotFound; not found", Reason.USERUNKNOWN),
    ("Recipient address rejected: Access denied. AS(201806281)", Reason.USERUNKNOWN),
    ("Requested action not taken: mailbox unavailable", Reason.USERUNKNOWN),
    ("<ann@site.example>... Benutzer unbekannt", Reason.USERUNKNOWN),
    ("Домен есть, такого пользователя нет: пользователь не найден", Reason.USERUNKNOWN),
    (
        "Host or domain name not found. Name service error for name=gone.example type=A: Host not found",
        Reason.HOSTUNKNOWN,
    ),
    ("DNS type 'mx' lookup of gone.example responded with code NXDOMAIN", Reason.HOSTUNKNOWN),
    ("Name service error for name=site.example type=MX: Host not found, try again", Reason.NETWORKERROR),
    ("mail for site.example loops back to myself", Reason.NETWORKERROR),
    ("The domain has a Null MX record: does not accept mail", Reason.NOTACCEPT),
    ("recipient no longer on server: ann@site.example", Reason.HASMOVED),
    ("The email account that you tried to reach is disabled", Reason.SUSPEND),
    ("Mailbox for ann@site.example is inactive", Reason.SUSPEND),
    ("Recipient address is a spam trap", Reason.SUSPEND),
    ("<ann@site.example> is a spamtrap, remove it", Reason.SUSPEND),
    ("Your address sent mail to a spamtrap and is listed", Reason.SPAMDETECTED),
    ("User temporarily locked, try again", Reason.ONHOLD),
    ("Over quota", Reason.MAILBOXFULL),
    ("The recipient's mailbox is full and can't accept messages now", Reason.MAILBOXFULL),
    ("Mailbox size limit exceeded", Reason.MAILBOXFULL),
    ("Le compte du destinataire: boîte pleine", Reason.MAILBOXFULL),
    ("Insufficient system storage", Reason.SYSTEMFULL),
    ("message size exceeds fixed limit", Reason.EMAILTOOLARGE),
    ("The user you are trying to contact is receiving mail at a rate that prevents", Reason.RATELIMITED),
    ("your host sent to too many recipients this hour", Reason.RATELIMITED),
    ("Too many unknown users from your host", Reason.RATELIMITED),
    ("Greylisted, please try again in 5 minutes", Reason.RATELIMITED),
    ("Service unavailable, Client host [192.0.2.1] blocked using zen.spamhaus.org", Reason.BLOCKED),
    ("Client host rejected: cannot find your reverse hostname", Reason.REQUIREPTR),
    ("sending domain site.example does not pass DMARC verification", Reason.AUTHFAILURE),
    ("The IP you're using has very low reputation", Reason.BADREPUTATION),
    ("Relay access denied", Reason.NORELAYING),
    ("Must issue a STARTTLS command first", Reason.FAILEDSTARTTLS),
    ("This message was classified as SPAM and may not be delivered", Reason.SPAMDETECTED),
    ("Message rejected: virus found", Reason.VIRUSDETECTED),
    ("This message is not RFC 5322 compliant", Reason.NOTCOMPLIANTRFC),
    ("Sender address rejected: User unknown in local recipient table", Reason.REJECTED),
    ("delivery temporarily suspended: connect to mx.site.example[192.0.2.1]:25: timed out", Reason.ONHOLD),
    ("syntax error in parameters", Reason.SYNTAXERROR),
]


@pytest.mark.parametrize(("text", "reason"), WORDS)
def test_a_host_s_words_have_their_reason(text: str, reason: Reason) -> None:
    assert reason_in_words(text) is reason


@pytest.mark.parametrize("text", ["", "Nyaan", "Ok"])
def test_words_that_say_nothing_have_no_reason(text: str) -> None:
    assert reason_in_words(text) is None


def test_what_an_address_is_called_is_no_reason() -> None:
    assert reason_in_words("<user-unknown@mailbox-full.example> has no words") is None


def test_a_phrase_that_runs_over_reply_lines_is_found() -> None:
    reply = "550-5.1.1 The email account that you tried to\n550-5.1.1 reach does not\n550 5.1.1 exist."
    assert reason_in_words(reply) is Reason.USERUNKNOWN


def test_the_pieces_of_a_phrase_stand_near_each_other() -> None:
    assert reason_in_words(f"the user {'and so on ' * 3} does not exist") is Reason.USERUNKNOWN
    assert reason_in_words(f"the user {'and so on ' * 30} does not exist") is None


def test_every_phrase_is_written_as_the_text_is_searched() -> None:
    for _, _, phrases in (*RULES, *WEAK_RULES):
        for phrase in phrases:
            for piece in phrase.split(" ... "):
                assert piece == piece.lower() and piece, phrase
                assert "  " not in piece, phrase


@settings(max_examples=50)
@given(st.text(max_size=500))
def test_any_text_is_read_without_an_error(text: str) -> None:
    assert reason_in_words(text) in (*Reason, None)
    assert plain(plain(text)) == plain(plain(plain(text)))
