"""Automatic replies and challenges that carry no field of a machine: told by what they open with, in many languages."""

from __future__ import annotations

from email.header import Header

import pytest

from mail.outcome import Kind
from policy.classification import classify_mail

AWAY = [
    "Guten Tag, ich befinde mich derzeit im Urlaub und bin ab dem 3.8. wieder im Büro.",
    "Ich bin ab dem 12. wieder für Sie da. Ihre E-Mail wird nicht weitergeleitet.",
    "Bonjour, Je suis actuellement en congés jusqu'au 15 août. En cas d'urgence, contactez Paul.",
    "Merci pour votre message. Je serai de retour au bureau le 3 janvier.",
    "Gracias por su mensaje. Estaré ausente hasta el 10 de enero sin acceso al correo.",
    "Hola, me encuentro de vacaciones hasta el lunes.",
    "Grazie per il messaggio. Sono assente fino al 10 gennaio.",
    "Gentile cliente, al momento sono in ferie e rientrerò il 20 agosto.",
    "Olá, estou ausente do escritório até dia 10.",
    "Encontro-me de férias até 20 de agosto.",
    "Bedankt voor uw bericht. Ik ben tot 10 januari met vakantie.",
    "Ik ben momenteel niet op kantoor.",
    "Dziękuję za wiadomość. Jestem na urlopie do 10 stycznia.",
    "Dobrý den, jsem na dovolené do 10. ledna.",
    "Děkuji za zprávu, momentálně nejsem v kanceláři.",
    "Здравствуйте! Я буду в отпуске до 10 января.",
    "Спасибо за письмо. В настоящее время я нахожусь в командировке.",
    "Merhaba, 10 Ocak tarihine kadar izindeyim.",
    "Şu anda ofis dışındayım, size en kısa sürede döneceğim.",
    "Tack för ditt mejl. Jag är på semester till den 10 januari.",
    "Hej, jag är inte på kontoret just nu.",
    "Tak for din mail. Jeg holder ferie til den 10. januar.",
    "Jeg er ikke på kontoret før mandag.",
    "Kiitos viestistäsi. Olen lomalla 10.1. asti.",
    "Köszönöm levelét. Szabadságon vagyok január 10-ig.",
    "Bună ziua, sunt în concediu până pe 10 ianuarie.",
    "お世話になっております。ただいま夏季休暇のため、8月15日まで不在にしております。",
    "メールありがとうございます。現在外出しております。自動返信メールです。",
    "您好，我正在休假，1月10日回来。",
    "您的来信已收到，我会尽快回复。这是一封自动回复邮件。",
    "您好,我目前出差中,無法即時回覆您的郵件。",
    "안녕하세요. 현재 휴가 중입니다. 1월 10일에 복귀합니다.",
    "Thank you for your email. I am currently out of the office with limited access to email.",
    "Hello, I'm travelling this week and will have limited access to my email until Monday.",
    "Thanks for your message. I will be on annual leave until 10 January and will reply on my return.",
    "Our office is currently closed for the holidays. We will reopen on January 3.",
    "This mailbox is not monitored. Please contact support.",
    "Please note that I have left Acme Ltd. For enquiries contact Bob.",
    "This email address is no longer in use. Please update your records.",
    "I am on parental leave until September.",
]
CHALLENGES = [
    "Please reply to this message so that your mail is delivered.",
    "To control spam I now allow only messages from senders I have approved.",
    "Bitte bestätigen Sie Ihre E-Mail an ann@site.example durch Klick auf den Link.",
    "Votre message est en attente. Cliquez pour confirmer que vous êtes humain.",
    "The message you sent requires that you verify that you are a real live human being.",
]
PEOPLE = [
    "I was on vacation last week, so this answer is late. Yes, please send two.",
    "Ich war im Urlaub; danke für das Angebot, ich nehme es.",
    "Merci, je suis intéressée. À mon retour de vacances je vous appelle.",
    "I got your automatic reply last week. Are you back? Please update your records: we have moved.",
    "Your mail went into Gmail's spam filter, I found it only today.",
    "Мы вернулись из отпуска и хотим заказать ещё.",
]


def kind(text: str) -> Kind:
    subject = Header("Re: Angebot", "utf-8").encode()
    head = f"From: Ann <ann@site.example>\nTo: us@ours.example\nSubject: {subject}\n"
    return classify_mail(f"{head}Content-Type: text/plain; charset=utf-8\n\n{text}\n".encode()).kind


@pytest.mark.parametrize("text", AWAY)
def test_who_is_away_in_any_language_is_not_revived(text: str) -> None:
    assert kind(text) is not Kind.HUMAN


@pytest.mark.parametrize("text", CHALLENGES)
def test_a_challenge_is_one_without_any_field_of_a_machine(text: str) -> None:
    assert kind(text) is Kind.CHALLENGE


@pytest.mark.parametrize("text", PEOPLE)
def test_a_person_who_speaks_of_such_things_is_a_person(text: str) -> None:
    assert kind(text) is Kind.HUMAN
