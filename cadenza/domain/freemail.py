"""Which domains say nothing about where somebody works?"""

from typing import Final

#: Domains whose addresses anybody can have: two of them are no colleagues.
FREEMAIL_DOMAINS: Final = frozenset({
    "126.com", "163.com", "aim.com", "alice.it", "aol.com", "arcor.de", "att.net", "bellsouth.net", "bigpond.com",
    "bluewin.ch", "bol.com.br", "btinternet.com", "centrum.cz", "charter.net", "comcast.net", "cox.net", "duck.com",
    "email.cz", "email.de", "fastmail.com", "fastmail.fm", "foxmail.com", "free.fr", "freenet.de", "gmail.com",
    "gmx.at", "gmx.ch", "gmx.com", "gmx.de", "gmx.fr", "gmx.net", "googlemail.com", "hey.com", "hotmail.co.uk",
    "hotmail.com", "hotmail.de", "hotmail.es", "hotmail.fr", "hotmail.it", "icloud.com", "inbox.lv", "inbox.ru",
    "interia.pl", "laposte.net", "libero.it", "list.ru", "live.co.uk", "live.com", "live.de", "live.fr", "live.nl",
    "mac.com", "magenta.de", "mail.com", "mail.de", "mail.ru", "mailbox.org", "me.com", "msn.com", "naver.com", "o2.pl",
    "online.de", "onet.pl", "op.pl", "optonline.net", "orange.fr", "outlook.com", "outlook.de", "outlook.es",
    "outlook.fr", "outlook.it", "planet.nl", "pm.me", "posteo.de", "proton.me", "protonmail.com", "qq.com",
    "rediffmail.com", "rocketmail.com", "rogers.com", "sapo.pt", "sbcglobal.net", "seznam.cz", "sfr.fr", "shaw.ca",
    "sina.com", "sky.com", "t-online.de", "telenet.be", "terra.com.br", "tiscali.it", "tuta.com", "tutanota.com",
    "tutanota.de", "ukr.net", "uol.com.br", "verizon.net", "virgilio.it", "virginmedia.com", "vodafone.de",
    "wanadoo.fr", "web.de", "windowslive.com", "wp.pl", "xs4all.nl", "yahoo.co.in", "yahoo.co.jp", "yahoo.co.uk",
    "yahoo.com", "yahoo.com.br", "yahoo.de", "yahoo.es", "yahoo.fr", "yahoo.it", "yandex.com", "yandex.ru",
    "ymail.com", "ziggo.nl",
})  # fmt: skip
