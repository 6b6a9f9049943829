"""Which folder of a mailbox is which? By what the server says of it (RFC 6154), else by its name."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from imapclient import IMAPClient
from imapclient.imapclient import ALL, ARCHIVE, JUNK, SENT, TRASH

#: What mail programs and providers call the folder of sent mails, where the server does not say which it is.
SENT_NAMES = (
    "Sent", "Sent Items", "Sent Mail", "Sent Messages", "Sent-Mail",
    "Gesendet", "Gesendete Elemente", "Gesendete Objekte", "Gesendete Nachrichten",
    "Envoyés", "Éléments envoyés", "Messages envoyés", "Objets envoyés", "Courrier envoyé",
    "Enviados", "Elementos enviados", "Mensajes enviados", "Correo enviado", "Itens enviados", "Enviadas",
    "Mensagens enviadas", "E-mails enviados", "Enviats", "Elements enviats",
    "Inviati", "Inviata", "Posta inviata", "Elementi inviati", "Messaggi inviati",
    "Verzonden", "Verzonden items", "Verzonden objecten", "Verzonden berichten",
    "Skickat", "Skickade", "Skickade objekt", "Skickade meddelanden",
    "Sendt", "Sendte", "Sendt post", "Sendte elementer", "Sendte meldinger",
    "Lähetetyt", "Lähetetyt kohteet", "Lähetetyt viestit", "Saadetud", "Saadetud kirjad", "Nosūtītie", "Išsiųsti",
    "Išsiųstieji", "Wysłane", "Elementy wysłane", "Wysłane elementy", "Odeslané", "Odeslaná pošta", "Odoslané",
    "Odoslaná pošta", "Elküldött", "Elküldött elemek", "Elküldött üzenetek", "Trimise", "Elemente trimise",
    "Poslano", "Poslane stavke", "Poslani predmeti", "Poslata pošta", "Послато", "Изпратени", "Отправленные",
    "Надіслані", "Відправлені", "Адпраўленыя", "Απεσταλμένα", "Σταλμένα", "Gönderilenler", "Gönderilmiş Öğeler",
    "Gönderilmiş Postalar", "פריטים שנשלחו", "דואר שנשלח", "البريد المرسل", "العناصر المرسلة", "भेजे गए", "รายการที่ส่ง",
    "Thư đã gửi", "Mục đã gửi", "Terkirim", "Item Terkirim", "已发送", "已发送邮件", "已发邮件", "已傳送", "寄件備份",
    "寄件備份匣", "送信済み", "送信済みアイテム", "送信済みメール", "送信済みトレイ",
    "보낸 편지함", "보낸편지함", "보낸 메일함",
)  # fmt: skip

#: Where a mail may have gone since: everything, what was sent, filed, taken for spam or thrown away.
ELSEWHERE = (ALL, SENT, ARCHIVE, JUNK, TRASH)


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that can be opened."""

    name: str
    flags: frozenset[bytes]
    separator: str

    @property
    def own_name(self) -> str:
        """The name without its parents."""
        return self.name.rsplit(self.separator, 1)[-1] if self.separator else self.name


def folders_of(client: IMAPClient, pattern: str = "*") -> list[Folder]:
    """Every folder of the mailbox that can be opened, by a pattern of their names."""
    return [
        Folder(name, frozenset(flags), (separator or b"").decode("ascii", "replace"))
        for flags, separator, name in client.list_folders("", pattern)
        if b"\\Noselect" not in flags and b"\\NonExistent" not in flags
    ]


def sent_folder(folders: Sequence[Folder]) -> str | None:
    """The folder of sent mails; None: there is none that we know."""
    said = [folder.name for folder in folders if SENT in folder.flags]
    named = {_plain(folder.own_name): folder.name for folder in reversed(folders)}
    guesses = (named[name] for name in map(_plain, SENT_NAMES) if name in named)
    return next(iter(said), None) or next(guesses, None)


def places(folders: Iterable[Folder], first: Iterable[str | None]) -> list[str]:
    """Where to look for a mail: the folders in ``first``, the inbox, and wherever mails are moved to."""
    folders = list(folders)
    moved = [folder.name for flag in ELSEWHERE for folder in folders if flag in folder.flags]
    wanted = [*(name for name in first if name), "INBOX", *moved]
    return list(dict.fromkeys(wanted))


def _plain(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()
