"""What do the public pages say, in each language?

``{sender}`` and ``{address}`` stand for the sender's name and the masked address.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

DEFAULT_LANGUAGE: Final = "en"


@dataclass(frozen=True, slots=True)
class Notice:
    """A title and what stands below it."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Words:
    """Everything that a page may say."""

    #: The page of the unsubscribe link.
    unsubscribe_title: str
    unsubscribe_text: str
    unsubscribe_button: str
    other_choices: str
    unsubscribed_title: str
    unsubscribed_text: str
    unsubscribed_late: str
    change_choice: str
    #: The page of all choices.
    preferences_title: str
    preferences_address: str
    saved: str
    gets_all: str
    gets_none_of_sender: str
    gets_none: str
    is_barred: str
    choose_again: str
    choose_sender: str
    choose_all: str
    explain_again: str
    explain_sender: str
    explain_all: str
    choose_untracked: str
    choose_tracked: str
    explain_untracked: str
    explain_tracked: str
    #: Pages that only say something.
    notices: Mapping[str, Notice]


_ENGLISH: Final = Words(
    unsubscribe_title="Unsubscribe",
    unsubscribe_text="{address} will get no more mails from {sender} and colleagues.",
    unsubscribe_button="Unsubscribe",
    other_choices="Only from {sender}, and other choices",
    unsubscribed_title="You are unsubscribed",
    unsubscribed_text="{address} gets no more mails from {sender} and colleagues.",
    unsubscribed_late="A mail that is on its way already may still arrive.",
    change_choice="Change your choice",
    preferences_title="Your mails",
    preferences_address="Which mails may we write to {address}?",
    saved="Your choice is saved.",
    gets_all="You get mails from {sender} and colleagues.",
    gets_none_of_sender="You get no mails from {sender}. Colleagues may write to you.",
    gets_none="You get no mails from {sender} and colleagues.",
    is_barred="We do not write to this address any more.",
    choose_again="Subscribe again",
    choose_sender="No more mails from {sender}",
    choose_all="No more mails at all",
    explain_again="{sender} and colleagues may write to you again. A series of mails that was stopped does not go on.",
    explain_sender="Colleagues may still write to you.",
    explain_all="Neither {sender} nor colleagues write to you any more.",
    choose_untracked="Do not note what I open",
    choose_tracked="My opens and clicks may be noted",
    explain_untracked="Whether you open our mails and follow their links is not noted any more.",
    explain_tracked="At present we do not note whether you open our mails and follow their links.",
    notices={
        "no_link": Notice(
            "This link does not work",
            "It may have been cut off: copy the whole link from the mail. To get no more mails you may also answer the "
            "mail and say so.",
        ),
        "nobody": Notice(
            "There is nothing left to unsubscribe",
            "We have deleted what we knew of you and cannot write to you any more. You need not do anything.",
        ),
        "not_understood": Notice(
            "That was not understood", "Open the link from the mail again and use the button on the page."
        ),
        "too_often": Notice("Too many requests", "Please wait a minute, then try again."),
        "unavailable": Notice(
            "This does not work at the moment",
            "Please try again in a few minutes. To get no more mails you may also answer the mail and say so.",
        ),
    },
)

_GERMAN: Final = Words(
    unsubscribe_title="Abmelden",
    unsubscribe_text="An {address} gehen dann keine E-Mails von {sender} und dem Team mehr.",
    unsubscribe_button="Abmelden",
    other_choices="Nur von {sender} und weitere Möglichkeiten",
    unsubscribed_title="Sie sind abgemeldet",
    unsubscribed_text="An {address} gehen keine E-Mails von {sender} und dem Team mehr.",
    unsubscribed_late="Eine E-Mail, die schon unterwegs ist, kann noch ankommen.",
    change_choice="Auswahl ändern",
    preferences_title="Ihre E-Mails",
    preferences_address="Welche E-Mails dürfen wir an {address} schreiben?",
    saved="Ihre Auswahl ist gespeichert.",
    gets_all="Sie erhalten E-Mails von {sender} und dem Team.",
    gets_none_of_sender="Sie erhalten keine E-Mails von {sender}. Andere aus dem Team dürfen Ihnen schreiben.",
    gets_none="Sie erhalten keine E-Mails von {sender} und dem Team.",
    is_barred="Wir schreiben nicht mehr an diese Adresse.",
    choose_again="Wieder anmelden",
    choose_sender="Keine E-Mails mehr von {sender}",
    choose_all="Gar keine E-Mails mehr",
    explain_again="{sender} und das Team dürfen Ihnen wieder schreiben. Eine beendete Reihe von E-Mails geht nicht "
    "weiter.",
    explain_sender="Andere aus dem Team dürfen Ihnen weiterhin schreiben.",
    explain_all="Weder {sender} noch andere aus dem Team schreiben Ihnen.",
    choose_untracked="Nicht festhalten, was ich öffne",
    choose_tracked="Öffnungen und Klicks dürfen festgehalten werden",
    explain_untracked="Wir halten dann nicht mehr fest, ob Sie unsere E-Mails öffnen und Links folgen.",
    explain_tracked="Zurzeit halten wir nicht fest, ob Sie unsere E-Mails öffnen und Links folgen.",
    notices={
        "no_link": Notice(
            "Dieser Link funktioniert nicht",
            "Vielleicht ist er unvollständig: Kopieren Sie den ganzen Link aus der E-Mail. Wenn Sie keine E-Mails mehr "
            "möchten, können Sie auch einfach darauf antworten.",
        ),
        "nobody": Notice(
            "Es gibt nichts mehr abzumelden",
            "Wir haben Ihre Daten gelöscht und können Ihnen nicht mehr schreiben. Sie müssen nichts weiter tun.",
        ),
        "not_understood": Notice(
            "Das haben wir nicht verstanden",
            "Öffnen Sie den Link aus der E-Mail noch einmal und benutzen Sie den Knopf auf der Seite.",
        ),
        "too_often": Notice("Zu viele Anfragen", "Bitte warten Sie eine Minute und versuchen Sie es dann noch einmal."),
        "unavailable": Notice(
            "Das geht gerade nicht",
            "Bitte versuchen Sie es in einigen Minuten noch einmal. Wenn Sie keine E-Mails mehr möchten, können Sie "
            "auch einfach darauf antworten.",
        ),
    },
)

WORDS: Final[Mapping[str, Words]] = {"en": _ENGLISH, "de": _GERMAN}
