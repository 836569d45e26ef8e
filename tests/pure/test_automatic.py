"""Pairs: what a machine wrote, and what a person wrote that looks like it."""

from __future__ import annotations

import pytest

from mail.automatic import away, daemon, null_path, signs
from mail.parts import header_fields, parse


def mail(*fields: str, body: str = "Yes please, call me on Monday.") -> bytes:
    return "\n".join(("From: Ann <ann@site.example>", "Return-Path: <ann@site.example>", *fields, "", body)).encode()


@pytest.mark.parametrize(
    "field",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated (failure)",
        "Precedence: bulk",
        "Precedence: junk",
        "Precedence: list",
        "Precedence: auto_reply",
        "X-Autoreply: yes",
        "X-Autorespond: Your offer",
        "X-Auto-Reply: TRUE",
        "Delivered-By-The-Graces-Of: The Vacation program",
        "List-Id: <news.site.example>",
        "List-Unsubscribe: <https://site.example/u>",
        "Content-Type: multipart/report; boundary=b",
        "Subject: Automatic reply: Your offer",
        "Subject: =?utf-8?q?R=C3=A9ponse_automatique_=3A_Votre_offre?=",
        "Subject: Out of office: Your offer",
        "Subject: Re: Out of Office Re: Your offer",
        "Subject: [Automatyczna odpowied=?utf-8?q?=C5=BA?=] test",
        "Subject: Abwesenheitsnotiz: Angebot",
        "Subject: =?utf-8?b?6Ieq5YuV5b+c562UOiBZb3VyIG9mZmVy?=",
        "Subject: Автоматический ответ: предложение",
        "Subject: Fuera de la oficina",
        "Subject: [Ticket#4711] We have received your request",
    ],
)
def test_each_sign_of_a_machine_is_seen(field: str) -> None:
    assert signs(parse(mail(field)), None)


@pytest.mark.parametrize(
    "field",
    [
        "Auto-Submitted: no",
        "X-Auto-Response-Suppress: DR, OOF, AutoReply",
        "Precedence: first-class",
        "Subject: Vacation rental for August",
        "Subject: Re: Your offer",
        "Subject: Office chairs",
        "Subject: Re: Mail delivery failed: returning message to sender",
        "Subject: Automobile prices",
        "X-Priority: 1",
    ],
)
def test_what_only_looks_like_a_machine_is_a_person(field: str) -> None:
    assert signs(parse(mail(field)), "ann@site.example") == ()


@pytest.mark.parametrize(
    "body",
    [
        "Hello,\n\nI am currently out of the office until Monday.",
        "I\u2019m on vacation and will answer when I am back.",
        "Ich bin derzeit nicht im Büro.",
        "Je suis actuellement absente du bureau.",
        "Я сейчас в отпуске до 5 мая.",
        "This is an automated response.",
        "Ann no longer works here.",
    ],
)
def test_an_opening_line_that_says_so_is_a_sign(body: str) -> None:
    assert away(parse(mail("Content-Type: text/plain; charset=utf-8", body=body)))


def test_a_quoted_out_of_office_line_is_none() -> None:
    assert not away(parse(mail(body="Thanks, I will.\n\n> I am out of the office until Monday.\n")))


@pytest.mark.parametrize(
    ("reverse_path", "field", "null"),
    [
        ("", "<ann@site.example>", True),
        ("<>", "<ann@site.example>", True),
        ("ann@site.example", "<>", False),
        (None, "<>", True),
        (None, "<ann@site.example>", False),
    ],
)
def test_the_envelope_knows_the_reverse_path_better_than_the_field(
    reverse_path: str | None, field: str, null: bool
) -> None:
    assert null_path(header_fields(f"Return-Path: {field}".encode()), reverse_path) is null


def test_a_mail_without_a_return_path_field_has_not_a_null_one() -> None:
    assert not null_path(header_fields(b"From: ann@site.example"), None)


@pytest.mark.parametrize(
    ("sender", "machine"),
    [
        ("MAILER-DAEMON@mx.site.example (Mail Delivery System)", True),
        ("Mail Delivery Subsystem <MAILER-DAEMON>", True),
        ("postmaster@site.example", True),
        ("no-reply@site.example", True),
        ("Ann Daemon <ann@site.example>", False),
        ("Nora Reply <noreen@site.example>", False),
    ],
)
def test_mail_systems_are_known_by_their_from(sender: str, machine: bool) -> None:
    assert daemon(header_fields(f"From: {sender}".encode())) is machine
