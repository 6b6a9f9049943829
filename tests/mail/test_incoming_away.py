"""When is somebody back, as absent people write it in eight languages?"""

from __future__ import annotations

from datetime import date

import pytest

from cadenza.domain.incoming import IncomingKind
from cadenza.mail.incoming import classify
from cadenza.mail.incoming.away_dates import back_on

#: A Monday.
WRITTEN_ON = date(2026, 8, 3)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # English
        ("I am out of the office until 14 August and will reply when I return.", "08-15"),
        ("I will be back in the office on Monday, 17 August 2026.", "08-17"),
        ("I am on annual leave from August 3 to August 14. Back on 17th August.", "08-17"),
        ("On vacation August 3-14, with limited access to email", "08-15"),
        (
            "Out of office from Monday 3rd August to Friday 14th August inclusive, returning Monday 17th August.",
            "08-17",
        ),
        ("I will return on 08/17/2026", "08-17"),
        ("I'm away from 3/8 until 14/8", "08-15"),
        ("I'll be back on Thursday", "08-06"),
        ("I will not be available until Friday.", "08-08"),
        ("I will be back tomorrow", "08-04"),
        ("I'm out of the office today", "08-04"),
        ("I will be returning next week", "08-10"),
        ("I'm off until the 14th of August. Call +49 40 123-45.", "08-15"),
        ("Out of office until 2026-08-14", "08-15"),
        ("I am away from 3 August.", None),
        ("I am on parental leave.", None),
        ("I will get back to you by 17 August.", None),
        # German
        ("Ich bin bis zum 14.08.2026 nicht im Büro.", "08-15"),
        ("Ich bin vom 3. bis 14. August im Urlaub.", "08-15"),
        ("Vom 3.8.-14.8. bin ich im Urlaub", "08-15"),
        ("Ab dem 17. August bin ich wieder für Sie da.", "08-17"),
        ("Ich bin erst am 17.08. wieder im Büro", "08-17"),
        ("Ich bin vom 03.08. bis einschließlich 14.08. nicht erreichbar, Tel. 040/12 34 56.", "08-15"),
        ("Guten Morgen, ich bin im Urlaub und bald wieder da.", None),
        # French
        ("Je suis absent du 3 au 14 août. En cas d'urgence, contactez Paul.", "08-15"),
        ("Je serai de retour le 17 août 2026.", "08-17"),
        ("Absente jusqu'au 14 août inclus", "08-15"),
        ("Mon retour est prévu le lundi 17 août.", "08-17"),
        # Spanish
        ("Estoy de vacaciones hasta el 14 de agosto.", "08-15"),
        ("Estaré fuera de la oficina del 3 al 14 de agosto. Vuelvo el 17 de agosto.", "08-17"),
        # Italian
        ("Sono in ferie fino al 14 agosto compreso.", "08-15"),
        ("Sarò assente dal 3 al 14 agosto; rientrerò lunedì 17 agosto.", "08-17"),
        # Dutch
        ("Ik ben afwezig tot en met 14 augustus.", "08-15"),
        ("Ik ben met vakantie van 3 t/m 14 augustus en vanaf maandag 17 augustus weer bereikbaar", "08-17"),
        # Portuguese
        ("Estou de férias até 14 de agosto.", "08-15"),
        ("Estarei ausente de 3 a 14 de agosto. Retorno no dia 17 de agosto.", "08-17"),
        ("Estarei de volta a partir do dia 17/08", "08-17"),
        # Polish
        ("Jestem na urlopie do 14 sierpnia.", "08-15"),
        ("W dniach od 3 do 14 sierpnia przebywam na urlopie. Wracam 17 sierpnia 2026 r.", "08-17"),
        ("Będę dostępny od 17 sierpnia", "08-17"),
    ],
)
def test_the_day_back_is_read(text, expected):
    assert back_on(text, WRITTEN_ON) == (date.fromisoformat(f"2026-{expected}") if expected else None)


def test_a_day_without_a_year_is_the_nearest_one_to_come():
    assert back_on("I am out of the office until 2 January.", date(2026, 12, 21)) == date(2027, 1, 3)
    assert back_on("Back on 30 July.", WRITTEN_ON) == date(2026, 7, 30)
    assert back_on("Back on 17 August 2031.", WRITTEN_ON) is None


def test_days_count_from_the_mails_own_date_or_from_today():
    head = b"From: kim@customer.example\nSubject: Automatic reply: hello\n"
    text = b"\nI am out of the office and back on Thursday.\n"
    dated = classify(head + b"Date: Mon, 3 Aug 2026 23:30:00 +0200\n" + text, today=date(2026, 9, 1))
    undated = classify(head + text, today=date(2026, 9, 1))
    assert (dated.back_on, undated.back_on) == (date(2026, 8, 6), date(2026, 9, 3))


@pytest.mark.parametrize(
    ("body", "is_automatic"),
    [
        ("I am on holiday until Monday, let's talk then. Please send me the price list.", False),
        ("Ich bin bis Freitag im Urlaub, danach gern!", False),
        ("Thank you for your mail. I am out of the office until 14 August. In urgent cases contact Jo.", True),
        ("This is an automatic reply. I am on leave until Monday.", True),
    ],
)
def test_without_any_mark_a_machine_is_told_by_all_that_it_says(body, is_automatic):
    raw = f"From: kim@customer.example\nSubject: Re: Following up\nIn-Reply-To: <1@x>\n\n{body}\n".encode()
    assert (classify(raw).kind is IncomingKind.AUTO_REPLY) == is_automatic


def test_a_ticket_is_an_automatic_reply_but_no_absence():
    raw = (
        b"From: help@customer.example\nSubject: Ticket received\nAuto-Submitted: auto-replied\n\nWe got your request.\n"
    )
    incoming = classify(raw)
    assert (incoming.kind, incoming.is_absence, incoming.back_on) == (IncomingKind.AUTO_REPLY, False, None)
