"""Which addresses belong to a role and not to a person?"""

from typing import Final

#: Local parts of addresses that several people read (RFC 2142 and usage in English and German).
ROLE_ADDRESSES: Final = (
    "abuse", "accounting", "accounts", "admin", "administration", "administrator", "all", "anfrage", "anfragen",
    "bewerbung", "billing", "buchhaltung", "buero", "careers", "compliance", "contact", "contacts", "customerservice",
    "datenschutz", "dpo", "einkauf", "empfang", "enquiries", "everyone", "feedback", "finance", "ftp", "hallo", "hello",
    "help", "helpdesk", "hi", "hostmaster", "hr", "info", "infos", "inquiries", "invoice", "invoices", "it", "jobs",
    "kontakt", "kundenservice", "legal", "mail", "mailbox", "mailer-daemon", "marketing", "media", "news", "newsletter",
    "no-reply", "noc", "noreply", "office", "orders", "personal", "post", "postmaster", "presse", "press", "privacy",
    "purchasing", "rechnung", "reception", "recruiting", "root", "sales", "security", "sekretariat", "service",
    "shop", "spam", "staff", "support", "team", "usenet", "verkauf", "vertrieb", "webmaster", "www", "zentrale",
)  # fmt: skip
