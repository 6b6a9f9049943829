"""With which words do mail servers say what is wrong? A block of phrases for each meaning.

A new way of saying something belongs to its meaning, never to one mail server or one mail. See ``Phrases`` for how they
are written.
"""

from __future__ import annotations

from typing import Final

NULL_MX: Final = r"""
null ?mx
(domain|host|server) ([^ ]+ )?(does not|doesn't|do not) (accept|receive|handle|take) (any )?(e-?)?mail
(domain|host) ([^ ]+ )?(never )?accepts no (e-?)?mail
(does not|doesn't) accept (any )?(e-?)?mail([^a-z ]| \[| \(|$)
"""

FULL: Final = r"""
(over\b|exceed|out of|beyond|above) … (quota|storage|disk space|mailbox size)
(has|have|had) exceeded … (mailbox|storage|disk|space) … (limit|quota|allocation|allotment)
quota … (exceed|violation|full\b|reached|over\b|error)
(over|exceeded|disk|user|mail|mailbox|insufficient|not enough)[-_ ]?quota
exdiskquota|quotaexceeded|mailboxfull|mailbox_full|storagequota
(not enough|insufficient|no|not sufficient) (free |disk |mail ?box |account |storage |user )+(space|storage|quota)
(insufficient|not enough|no) ((free|disk|mailbox|mail box) )?(space|storage) (left|available|in|on|for|
    to) … (mail ?box|account|user|quota|device|disk|message)
(space|storage|quota) (is )?not enough
mail ?box … (space|size|limit) … (not enough|exceed|reached)
(mail ?box|mail ?folder|mail ?file|mail ?drop|spool|storage|disk|in-?box|folder|account|postbox|quota|user) (is |
    was |too )?full\b
(mail ?box|mail ?folder|mail ?file|mail ?drop|spool|storage|disk|in-?box|folder|account|postbox|quota)\b … (is|are|
    was|currently|almost|too|been|being) full\b
full (mail ?box|inbox|account|disk|folder)
(mbox|box|user|account|mailbox) ?[-:_] ?full\b
(reached|exceeds|exceeded|exceed|exceeding|over) (its|the|their|his|her|allowed|allocated|assigned|max|maximum|
    maximal|mailbox|disk|storage|account|user|message|space) … (quota|storage|allocation|allotment|space limit|
    mailbox limit)
(mail ?box|account|inbox) … exceed[^ ]* … (size|limit|space|storage)
(mailbox|account|user|recipient|recipient's) … (storage|size|space|disk) (limit|quota)
too (many|much) … (in|on) … (mailbox|account|mail ?drop|inbox|server)
exhausted … (storage|space|quota)
zu ?viele … (mails|nachrichten)
(boite|bal|compte|messagerie) … (pleine|saturee|plein\b)
quota … depasse
espace … insuffisant
(postfach|mailbox|konto|speicherplatz|posteingang|postkorb|mailkonto) … (voll\b|ausgeschöpft|überschritten|
    erschöpft|überfüllt)
(speicher|quota|kontingent)[^ ]* … (überschritten|erreicht|erschöpft|belegt|voll\b)
(buzon|casilla|bandeja|cuenta|correo) … (llen[oa]\b|excedid|sin espacio)
(cuota|cota|quota) … (excedid|superad|superat|overschreden|ultrapassad|przekroczon)
(casella|cassetta|posta|mailbox) … piena
(caixa|conta|correio) … (cheia|lotada|sem espaco)
(postbus|mailbox|postvak) … vol\b
(skrzynka|skrzynki|konto) … (pelna|przepelnion|zapelnion)
(ящик|почтовый ящик) … (переполнен|полон|заполнен)
превышен[^ ]* … (квот|размер|лимит)
[^ ]*(容量不足|容量制限|容量超過|容量已满|容量を超え|空间不足|空間不足|邮箱已满|信箱已滿|信箱已满|
    が一杯|がいっぱい|メールボックスフル|용량)
"""

TOO_LARGE: Final = r"""
(e-?mail|mail|message|content|attachment|file|letter|text|body|data)s? … too (large|big)\b
(e-?mail|mail|message) (is |was )?too long
(e-?mail|mail|message|data|content|attachment)s?[- ](size|length)s? … (exceed|limit|violation|too|larger|over|
    greater|bigger)
size of … (exceed|too|larger|greater|bigger)
(e-?mail|mail|message|attachment)s? … (exceed|larger than|bigger than|greater than) … (size|limit|length|bytes|kb\b|
    mb\b)
(exceed|over\b|larger than|bigger than|above|greater than) … (message|mail|maximum|fixed|mime) … (size|length)
size (limit|restriction)s? … (exceed|violat)
(maximum|max) … size … exceed
too (large|big) (for|to|a|message|mail)\b
(mail|message) (is )?(large|big|long)er than
nachricht … zu groß
message … trop (volumineux|gros|long)
(mensaje|mensagem|correo) … (demasiado|muito) grande
messaggio … troppo grande
bericht … te groot
"""

LOOP: Final = r"""
too many … (hops|received)\b
(hop count|maximum hop|max hop|hops) … (exceed|reached)
exceed[^ ]* … hop
loop(s|ing|ed)? (detected|back|to\b|count|found)
(mail|message|routing|forwarding|delivery|configuration|infinite|possible|potential|endless|mailing) (list )?loop
(message|mail|is|was|been) looping
best-preference mx
(mail|e-mail)?schleife … erkannt
boucle … detectee
"""

PAUSED_MAILBOX: Final = r"""
receiving (e-?)?mail (at a rate|too (quickly|fast))
(account|mailbox|user|recipient|inbox)\b … temporar(il)?y … (disabled|inactive|locked|suspended|unavailable|blocked|
    closed|over)
temporar(il)?y … (disabled|suspended|deactivated|locked|inactive) … (account|mailbox|user)
"""

BUSY_MAILBOX: Final = r"""
(mailbox|account) … (busy|in use|locked by)
"""

CONGESTED: Final = r"""
(server|system|host|too|is|are|network) (too )?busy
congest
"""

SYSTEM_FULL: Final = r"""
(insufficient|out of|low on|no more|lack of) … (system|resources|memory)
system … full\b
no space left on device
"""

NOT_ACCEPTING: Final = r"""
(system|server|host|service|currently|temporarily) (is )?not accepting
shutting down
"""

GREYLISTED: Final = r"""
gr[ea]y-?list
try again (later )?(in|after) … (second|minute)
"""

SENDER_UNKNOWN: Final = r"""
domain of sender … (does not|doesn't|can't|cannot|not)
sender … (does not (exist|resolve)|not (found|resolv|exist)|unresolv|domain not|cannot be (verified|resolved))
(can't|cannot|could not|unable to) (verify|resolve) … sender
sender (address )?verif(y|ication) … (fail|error)
(invalid|bad|no such|unknown|malformed) (envelope )?sender
sender (address |domain )?(is |was )?(invalid|unknown|bad)
"""

UNAUTHENTICATED: Final = r"""
dmarc
dkim … (fail|invalid|reject|not pass|missing|did not)
unauthenticated … mail
(mail|message|sender) is unauthenticated
(not\b|fail) … pass … (authentication|dkim)
authentication (checks?|results?|information) … (fail|not)
"""

SPF: Final = r"""
spf … (fail|reject|softfail|not (allowed|permitted|pass)|invalid|error|hard|prohibit|block|deny|denied)
sender policy framework|openspf|spf\.pobox
(fail[^ ]*|rejected|violat[^ ]*|according to|by|not allowed by|per) … spf\b
not (designate|permit|authorize|allow)[^ ]* … (as|to) … permitted sender
"""

NO_REVERSE_NAME: Final = r"""
reverse (dns|lookup|host ?name|name|ip|mapping|resolution|entry)
rdns\b
ptr (record|lookup|entry)
(no|missing|without|valid) (a )?ptr\b
(cannot|can't|could not|unable to) (find|resolve|verify) your (reverse )?(host ?name|address|dns|ip)
(your|client) (host ?name|ip|address) … (does not match|not match|mismatch|does not resolve)
"""

TOO_FAST: Final = r"""
too many … (connections?|sessions?|concurrent|errors|requests|attempts|simultaneous)
too many … (messages?|e-?mails|mails) … (from|per|sent|in|this|for|today|minute|hour)
(rate|volume|frequency)[- ]?limit
throttl
(sending|message|mail|connection|hourly|daily|recipient) (rate|limit)s? … (exceed|reach|over\b)
unusual … rate
(exceed|reach|over|max)[^ ]* … (per (hour|day|minute|connection|session)|connections|concurrent|defers and failures|
    hourly|daily|sending|rate)
(temporarily|temporary) (deferred|rate|limited)
unexpected (volume|user complaints)|user complaints
\[ts0[0-9]\]
"""

RELAYING: Final = r"""
relay(ing|ed)? … (denied|prohibited|not (permitted|allowed|supported|accepted|for)|rejected|forbidden|disallow|
    restrict|refused|disabled)
(not|deny|denied|denying|prohibited|cannot|can't|don't|won't|no|never|rejected|refused|illegal|unauthori[sz]ed|
    unable to|insecure|open|third[- ]party|attempt(ed)? to|disallowed|without) ([^ ]+ ){0,3}relay
relay (attempt|error|access|not)
rcpthosts
(is )?not a (mail )?(gateway|relay)
gateway … not (permitted|allowed)
non-?local (address|recipient|domain|destination)
not (a |one of )?(our |my )?local(ly)? … (domain|host)
(domain|host) … not (handled|hosted|served|local|configured|serviced) (here|on|by|at)
(we|i|server|host) (do|does|will) not (accept|handle|receive|serve) (e-?)?mail for
(you are |you're )?not allowed to send … (through|via|using) (this|our)
must (first )?(check|get|read|retrieve) … (mail|pop)
pop[- ]before[- ]smtp
local users? only
"""

BLOCKED: Final = r"""
(black|block|deny)[- ]?list
spamhaus|spamcop|sorbs|barracuda|dnsbl|rbls?\b|uceprotect|senderscore|senderbase|abuseat|mail-abuse|njabl|cloudmark
invaluement|trustedsource
(ip\b|ips\b|client|network|sender|you (are|were|have|has)|your (ip|host|server|domain|address|network|mail ?server|
    isp|e-?mail address)) … (blocked|banned|denied|rejected|refused|blacklisted|not welcome|listed)
(host|server|connection) … (blocked|banned|blacklisted|not welcome|listed)
(bad|poor|low|negative|insufficient|neutral) … reputation
reputation … (low|poor|bad|too)
(mail|message|e-?mail|connection|traffic)s? from … (refused|rejected|denied|blocked|not (accept|allow|permit|
    welcome)|prohibited)
blocked (using|by|for|due|because)
banned (ip|sender|host|address|for)
dynamic (ip|address|pool|host|dns)
dial-?up
(residential|generic) (ip|dns|rdns|host|address|customer)
(invalid|bad|bogus|rejected|illegal) (helo|ehlo)
(white|allow)[- ]?list
(invalid|bad|fake|forged) (ip|sender)\b
(helo|ehlo) … (reject|invalid|fqdn|denied|required|refused|not|bogus|spoof)
fully[- ]qualified … (host|domain)
need fully
not accepting (any )?(e-?)?(mail|messages) from
(will not|do not|does not|can not|cannot|can't|don't|doesn't|won't) accept (any )?(e-?)?(mail|messages) (from|
    sent by)
refus[^ ]* … (e-?)?mail from
(does not like|doesn't like) … sender
only (accepts?|accepting|receives?) … from
(permitted|allowed|approved|authorized|trusted) senders
permission to (send|post|submit)
not (allowed|authori[sz]ed|permitted) to (send|post|submit|e-?mail)
restricted (sender|recipient|to|group|list)
sendernotauthenticated|requireauthenticated|restrictions?(denied)?\.
delivery restriction
sender … (reject|denied|refused|not (allowed|authori[sz]ed|accept|permit)|forbidden|restrict)
mail from … (reject|denied|refused|not (allowed|accept|permit))
"""

SPAM: Final = r"""
(is|as|be|been|looks?|like|likely|possibl[ey]|probabl[ey]|considered|classified|contains?|containing|identified|
    detected|suspected|appears?|bulk)\b … (spam\b|unsolicited|junk|phish|virus|malware|ube\b|uce\b|worm|trojan)
(spam|junk|virus|malware|phishing)[- ]?(mail|message|content|detect|filter|reject|score|block|check|found|polic|
    alert|suspect|scan|like|level|firewall|probability|rule|infect|threat|triggered)
(no|not want|don't want|don't like|contain[^ ]*|high|probable|possible|suspected)\b … spam\b
anti-?spam|spamassassin|bogofilter|unsolicited|spam\b
infected|virus\b|malware
(content|attachment|executable|extension|url|link|message body|subject|archive|zip|file type)s? … (not (allowed|
    permitted|accept)|blocked|banned|prohibited|forbidden|reject|unacceptable|filtered|inappropriate|disallow|
    denied)
(banned|prohibited|forbidden|illegal|dangerous|disallowed|offensive|inappropriate|objectionable|
    unacceptable) … (content|attachment|file|extension|word|url)
(reject|block|filter|refus)[^ ]* … (content|filter|heuristic)
message (was |has been )?(filtered|quarantined|blocked)
milter
[^ ]*(垃圾邮件|垃圾郵件|迷惑メール|спам)
"""

DISABLED: Final = r"""
(mail ?box|account|in-?box|user|recipient|addressee|e-?mail|id|userid|address|person|login|alias)\b(\)|
    's)? … (disabled|inactive|deactivated|suspended|blocked|locked|not (currently |yet )?(active|activated|enabled)|
    no longer (active|activated|enabled)|expired|discontinued|closed|terminated|frozen|cancell?ed|in_active|on hold|
    dormant)\b
(disabled|inactive|suspended|deactivated|expired|closed|terminated|locked|frozen|discontinued|cancell?ed|
    dormant) ([^ ]+ ){0,2}(mail ?box|account|user|recipient|address)
(compte|boite|adresse) … (desactive|suspendu|bloque|ferme|inactif|inactive)
(konto|[^ ]*account|postfach|adresse|mailbox) … (gesperrt|deaktiviert|geschlossen|inaktiv)
(cuenta|buzon|direccion) … (desactivad|suspendid|bloquead|inactiv|deshabilitad|cancelad)
(conta|caixa|endereco) … (desativad|suspens|bloquead|inativ|cancelad)
(account|casella|utente) … (disattivat|sospes|bloccat|disabilitat)
(konto|skrzynka) … (zablokowan|zawieszon|nieaktywn|wylaczon)
ящик … (отключен|заблокирован|неактив|закрыт)
"""

MOVED: Final = r"""
(user|mailbox|recipient|person|he|she|they|employee|addressee)\b … (moved\b|relocated|has left|have left|left the|
    retired|changed (his|her|their|e-?mail|address))
no longer (with|employed|works?|working|at|associated) … (company|us\b|here|organi[sz]ation|firm|this|address|
    school|university|corp)
has (moved|changed) (to|the|address|e-?mail)
new (e-?mail )?address( is|:)
(has been|was) replaced by
(please )?(try|use|see) <
nicht mehr (im unternehmen|bei uns|tätig|beschäftigt|in unserem)
ne (fait plus partie|travaille plus)
ya no (trabaja|pertenece|labora)
non (lavora|fa|opera) piu
nao (trabalha|faz) mais
werkt niet (meer|langer)
nie pracuje
"""

BAD_SYNTAX: Final = r"""
(bad|invalid|illegal|malformed|incorrect|wrong) ([^ ]+ ){0,2}(address|recipient|mailbox|
    domain)(es)? ([^ ]+ ){0,2}(syntax|format|literal)
(malformed|unparse?able) … (address|recipient|domain)
(address|recipient|mailbox|domain|local ?-?part) … (syntax|malformed|unbalanced|illegal char|parse|
    contains an? (illegal|invalid))
syntax (error )?(in|of) … (address|recipient|mailbox|domain)
domain (missing|name required|literal)
user address required
mailbox name not allowed
missing domain
"""

NAMESERVER: Final = r"""
name ?server … (time|fail|not respond|error)
(dns|nameserver|lookup|mx)\b … (time[d]? ?-?out|temporar|server failure|servfail|try again|deferred)
temporar(y|ily) … (dns|lookup|resolv|name)
name lookup … fail
cname lookup failed
(host|domain)( name)? not found,? try again
name service error … try again
(lowest numbered mx|mx (list|record|host)s? … (local ?host|myself|back to))
config(uration)? error: mx
"""

NO_DOMAIN: Final = r"""
(host|domain|mail exchanger|mx|site|hostname|domain-name|dns)( name)?( or domain name)?\b … (not found|unknown|
    (does not|doesn't|do not|don't) exist|(isn't|is not) (valid|known|registered|exist)|no(t| longer) (exist|valid|
    resolv|known|registered)|non-?exist|invalid|lookup did not complete|could(n't| not) be (found|resolved|located))
(unknown|unrecogni[sz]ed|invalid|nonexistent|non-existent|bad|no such|illegal|unresolvable|undefined|unregistered|
    wrong) ([^ ]+ ){0,2}(host|domain|site|mail exchanger|tld\b|destination host|dns)
(domain|host) look ?up fail
nxdomain|domainnotfound|hostnotfound|dnsdomaindoesnotexist
(couldn't|could not|can't|cannot|unable to|failed to|wasn't able to) (find|resolve|locate|look ?up) … (host|domain|
    mx\b|mail exchanger|ip address|dns|mail server|any route)
no (valid |usable |suitable |relevant )?(mx|dns|mail exchanger|mail server|mail hosts?|address) … (record|found|
    for\b|to domain|entry|exists?|available)
all … mx records point
name service error|name or service not known|getaddrinfo|illegal host|no mail hosts
dns (lookup |query )?(error|failure|failed)
unroute?able (mail |address|domain|host)
(email system|mail system|domain|destination) … (is )?unknown or invalid
(domaine?|serveur) … (inconnu|n'existe pas|introuvable|nicht gefunden|unbekannt|existiert nicht)
(dominio|domini) … (no existe|inexistente|non esiste|sconosciuto|nao existe|desconhecido|no encontrado)
domein … (onbekend|bestaat niet)
(domena|domeny) … (nie istnieje|nieznan)
домен … не (найден|существует)
"""

NO_ROUTE: Final = r"""
(could not|couldn't|can't|cannot|unable to) (find|locate|determine) … (gateway|route)
no (route|gateway) … (domain|address|recipient|x@x)
unable to route
routing (error|failure|failed)
"""

NO_USER: Final = r"""
not (a |an )?(known|valid|registered|local|existing) (user|mail ?box|recipient|account|address|subscriber)
not (a |an |one )?([^ ]+ ){0,2}(user|mail ?box|account|subscriber|customer)s? (of|on|at|in|here)\b
(don't|dont|doesn't|does not|do not) exists? (that |the |this |such )*(user|mail ?box|recipient|account|address)
no match(es)? (to|for|found|in)\b
(no|not a|isn't a|not an) (such |valid |known |existing |registered |matching |local |active )*(person|user|
    mail ?box|recipient|addressee|account|alias|subscriber|employee|customer|mailhost|member)(s|es)?\b … (here|by|
    with|at|on|in|found|exist|for|called|named|known|registered)
no such (person|user|mail ?box|recipient|addressee|address|account|alias|name|login|subscriber|local|e-?mail|member|
    people|id|destination)
(unknown|unkown|invalid|non-?exist[ea]nt|bad|undefined|unrecogni[sz]ed|illegal|incorrect|wrong|unresolved|
    unregistered|inexistent|ambiguous) (or [^ ]+ )?([^ ]+ ){0,2}(person|user|mail ?box|recipient|addressee|address|
    account|alias|login|subscriber|rcpt|local[- ]?part|name|destination|userid|to\b|final delivery)
(person|users?|mail ?box|recipients?|addressee|address|account|alias|name|login|subscriber|local[- ]?part|e-?mail|
    userid|id|member|[^ ]+@[^ ]+)\b[)>:;,.'"]* … (unknown|unkown|not[- ]known|not (a |an |be )?(found|recogni[sz]ed|
    exist|valid|listed|registered|known|defined|here\b|present|locat|identif|subscrib|match)|(does|did|do)( not|n't|
    nt) ([^ ]+ )?(exist|match|have)|dosn't exist|no longer (exist|valid|available|in use|used|in service|on)|(isn't|
    is not|are not|was not) ([^ ]+ )?(valid|known|recogni[sz]ed|found|listed|registered|local)|(is|are|was|
    were) (invalid|incorrect|wrong|non-?exist|misspelled)|non-?exist|can(not|'t|t) be (found|verified|resolved|
    located)|could(n't| not) be (found|verified|resolved|located))
(no|not) (mailbox|account|user|recipient|one|person)s? (here|by that|with that|with this|that name|on this|at this|
    called|named|under)
(no one|nobody) … (here|by that|with that|named)
(mailbox|user|recip|recipient)[-_ ]?not[-_ ]?found|recipnotfound|resolver\.adr|adr\.ex|recipientnotfound
badrecipient|usernotfound
user[-_]unknown|unknown[-_]user|no[-_]such[-_]user|nosuchuser|nouser
recipient (name )?(is )?not recogni[sz]ed
unknown in (local|virtual|relay)
(is |are )?not (in|listed in|found in) (the |our |this |my |domino |public )*(directory|address book|
    name and address|user database|aliases|alias|domino|database|list of|members)
user … not listed in
(name|address) … not (unique|match)
(unable to|could not|couldn't|can't|cannot|failed to) (find|locate|verify|identify|resolve|recogni[sz]e|validate|
    determine) … (user|recipient|mailbox|account|address|addressee|name\b|alias|person)
(he|she|he/she|he/her|they|this person) (is|are) not\b … (user|here|customer|employee|member)
there is no (one|user|mailbox|account|such|person|record|address|recipient|mail ?box)
(we|i) have no (record|user|mailbox|such|account)
bad destination mailbox
(account|mailbox|address|user) … (deleted|removed|purged|retired)
not our customer|not my user|isn't one of our users
(not|n't) have (an? )?([^ ]+ ){0,2}(account|mailbox|e-?mail)\b
(not|no) (an? )?([^ ]+ ){0,2}e-?mail users?
unroute?able( address)?
delivery not authorized, message refused
address … is wrong
(adresse|destinataire|utilisateur|compte|boite|usager) … (inconnu|n'existe (pas|plus)|introuvable|invalide|
    non trouve|errone|inexistant|pas ete trouve|non recense|pas valide)
(utilisateur|destinataire|adresse) (non|inconnu)
n'existe (pas|plus)
(empfänger|benutzer|adresse|postfach|mailbox|teilnehmer|konto|nutzer|e-?mail-?adresse|mailadresse|adressat)(in|s|
    es)? … (unbekannt|existiert nicht|nicht (bekannt|gefunden|vorhanden|gültig|existent|mehr gültig|mehr|
    zugestellt werden, da)|ungültig|gibt es nicht|falsch|exisitiert nicht)
unbekannte[rsn]? (empfänger|benutzer|nutzer|adresse|adressat|e-mail)
kein(e|en)? (benutzer|postfach|empfänger|mailbox|konto|account) … (unter|mit|namen|gefunden|adresse|existiert)
(existiert|existieren) nicht
(usuario|direccion|destinatario|buzon|cuenta|casilla|correo) … (desconocid|no existe|no … (encontrad|encontro|
    encuentra|valid)|inexistente|incorrect|invalid|erronea)
no existe … (usuario|direccion|buzon|cuenta|destinatario)
(utente|indirizzo|destinatario|casella|account) … (sconosciut|non (esiste|trovat|valid|e stat[oa] trovat|presente)|
    inesistente|errat)
(usuario|endereco|destinatario|caixa|conta) … (desconhecid|nao … (existe|encontrad|valid|localizad)|inexistente|
    invalid)
(gebruiker|adres|ontvanger|postbus|geadresseerde|e-?mailadres|mailbox) … (onbekend|bestaat niet|niet … (gevonden|
    bekend|geldig|bestaat)|ongeldig)
onbekende (gebruiker|ontvanger)
(adres|odbiorc[ay]|uzytkownik|skrzynka|konto|adresat)[^ ]* … (nie istnieje|nieznan|nieprawidlow|nie … znalez)
nieznan[^ ]* (odbiorca|uzytkownik|adresat)
brak … (uzytkownika|skrzynki|odbiorcy)
(пользовател|адрес|получател|ящик|абонент)[^ ]* … (неизвест|не (найден|существует|зарегистрирован)|недейств)
(нет такого|такого пользователя|неизвестный (пользователь|получатель))
[^ ]*(用户|收件人|帐户|账户|帐号|地址|邮箱|使用者|收件者|帳號|信箱)[^ ]{0,12}(不存在|未找到|无效|無效|錯誤|错误|找不到)
[^ ]*(アドレス|ユーザ|宛先|受信者|メールボックス)[^ ]{0,24}(
    存在しません|存在しない|見つかりません|見つけられません|不明|ありません|存在いたしません)
[^ ]*(존재하지 않|찾을 수 없|없는 사용자)
(anvandare|adress|mottagare|brugere|modtager|bruker|mottaker|kayttaja|vastaanottaja|osoite)[^ ]* … (okand|
    finns inte|hittades inte|ukendt|findes ikke|finnes ikke|ukjent|ei (loydy|ole))
(uzivatel|adresat|prijemce|adresa) … (neexistuje|neznamy|nenalezen)
(kullanici|alici|adres)[^ ]* … (bulunamadi|gecersiz|mevcut degil)
"""

LOST: Final = r"""
(lost|dropped|broken|closed) (the )?connection
connection … (lost\b|dropped|closed|reset|died|broken|aborted|terminated|unexpectedly)
conversation with … (timed|failed)
(connected to|greeting) … (but|connection died|greeting failed|timed)
broken pipe
peer (closed|reset)
unexpected (connection |server )?(close|eof|disconnect|response)
premature (close|end)
session (closed|terminated|aborted)
(timeout|timed out)( -)? clos
(timeout|timed out) … (after|while|during|waiting)
(read|write) (error|timeout)
remote host (closed|dropped|hung)
"""

NO_ANSWER: Final = r"""
connection … (refused|time[d]?[- ]?-?out|failed|failure|error\b|denied|not possible)
(couldn't|could not|can't|cannot|unable to|wasn't able to|failed to|not able to|error|unsuccessful in|trouble|
    problem) … (connect\b|connecting|establish|reach\b|contact\b|contacting|communicat|open … connection)
no (route|answer|response|reply|connection) (to|from|by|with|was)
(host|server|network|computer|system|machine|mx|exchanger|site|gateway)s? … (unreachable|not (responding|respond|
    reach|answer|accessible|available)|is down|is dead|timed ?-?out|did(n't| not) (respond|answer|accept))
(operation|request|attempt|smtp|socket|tcp|connect) … timed ?-?out
unreachable|etimedout|econnrefused|socket error|tcp open|10060|10061
network (problem|error|is down|failure)
"""

EXPIRED: Final = r"""
retry (time|timeout|limit|period)[^ ]* … (exceed|expire|not|passed|reached)
(delivery|message|mail|queue|retry|transmission|lifetime|time) … (expired|timed ?-?out|timeout)
expired\b
(queue|queued) … (too long|lifetime|time|period|within)
too long (in|on) … queue
(not|unable to|undeliver[^ ]*|could ?n[o']t|cannot)( be)? … (within|for (more than |the last |over |about )?[0-9.]+|
    after … [0-9]+|in the last) … (minute|hour|day|attempt|tries|retries)
(within|for|after|failed) [0-9.]+ (day|hour|attempt|minute|tries|retries|delivery)
exceed[^ ]* … (delivery attempts|attempts|retries|retry|time limit|delivery time|number of tries)
(maximum|max|number of) … (attempts|retries|tries)
not going to try
(no longer|not) (be )?(retried|retry|try again)
(wird|werden) … nicht (mehr )?(erneut )?(versucht|zugestellt)
zeitüberschreitung
delai … depasse
tiempo … (agotado|excedido)
time ?-?limit
"""

MAILER: Final = r"""
(command|program|process|mailer|child|pipe|script|procmail|maildrop|delivery agent|local delivery|transport|
    local agent) … (died|exited|failed|returned|status|crashed|error|signal|killed|deferred)
exit (code|status)
(died|exited|terminated) with
command output
core dumped
could not be (stored|saved|written)
(cannot|can't|unable to|could not|couldn't) (execute|exec|open|create|lock|write|append|store|access|process|save|
    chdir)
x-unix
"""

SYSTEM: Final = r"""
(insufficient|out of|low|not enough|no more) … (storage|disk)
system … (error|resource|storage|problem|failure|not (accept|capable|config)|config)
internal … (error|problem|failure)
(local|temporary|temporarily|transient|server|software|database|ldap|lookup|mail ?system|processing|config[^ ]*|
    unexpected|general|technical|unspecified|fatal|undefined|unknown) ([^ ]+ ){0,2}(error|problem|failure|failed|
    misconfig|unavailable)
misconfigur|permission denied|i/o error|read-only|maintenance
service (is )?(currently |temporarily )?(not |un)available
requested action aborted
temporar(il)?y (rejected|deferred|refused|unable|not|declined)
closing (connection|transmission|channel)
error (opening|writing|creating|in processing)
not available
try (again )?later
(interner|temporärer|technischer|unbekannter) fehler
erreur (interne|systeme|temporaire|technique)
error (interno|del sistema|temporal|temporaneo)
"""

TOO_MANY_RECIPIENTS: Final = r"""
too many … recipients
recipients? … (limit|count|maximum) … exceed
(maximum|max|number) … recipients
"""

FORMAT: Final = r"""
conversion … (required|prohibited|failed|not)
(8 ?-?bit|binary ?mime|smtputf8|mime|charset|character set|encoding|lines?|header|headers|message-id|date|
    from)\b … (not (support|accept|compli|allow|valid)|invalid|required|missing|illegal|malformed|unsupported|
    violat|too long|duplicate)
(missing|invalid|malformed|illegal|duplicate|multiple|improper|non-?rfc) … (headers?|message-?id|mime|from:|date:|
    encoding|content-type)
not (rfc|compliant|conform|a valid rfc)
(no|missing) [^ ]+ (field|header)
(bare|naked) (lf|cr|newline|line ?feed)
unsupported (media|format|content)
"""

PARAMETERS: Final = r"""
(syntax error in|invalid|bad|unknown|unrecogni[sz]ed|unsupported) (arguments?|parameters?|options?)
(argument|parameter)s? … (not (implement|recogni|support|allow|valid)|unrecogni|error|invalid|unknown)
"""

SYNTAX: Final = r"""
syntax error
"""

COMMAND: Final = r"""
(command|verb)s? … (not (implement|recogni|support|allow|valid)|unrecogni|error|invalid|unknown)
(unrecogni[sz]ed|unknown|invalid|bad|unimplemented|unsupported) ([^ ]+ )?(command|sequence)
(bad|out of) sequence
(must|need|require)[^ ]* … (helo|ehlo|mail\b|rcpt\b)
no valid recipients
"""

PROTOCOL: Final = r"""
protocol (error|violation)
(polite people|improper use)
"""

LOGIN: Final = r"""
authenticat[^ ]* … (required|fail|credentials|first|needed|denied|error|not)
(must|need to|please|not|requires?|without) … (authenticat|log ?in\b)
smtp auth
(must|need|require)[^ ]* … (starttls|tls\b|encrypt)
(tls|ssl|starttls) … (required|fail|error|handshake|not)
certificate
"""

NO_USER_PERHAPS: Final = r"""
mailbox (is )?(currently )?(unavailable|not available)
unavailable (mail )?(user|mail ?box|recipient)
recipient verif
(does not|doesn't) like recipient
recipient('s)?( e-?mail)?( address)?( was| is| has been)? (reject|refus|not accept|denied)
rcpt( to)? (reject|refus|denied)
user … (rejected|refused|not accept)
(check|verify) … (spelling|address is correct|address is spelled|recipient address|email address)
recipient … undeliverable
address … (rejected|refused|not accepted|undeliverable)
(unknown|invalid) (destination|name)
"""

POLICY: Final = r"""
polic(y|ies)|administrative|prohibit|abuse\b|go away
"""

RULES: Final = r"""
reject|denied|refus|forbidden|restrict|disallow|security|moderat|blocked
(not|un|isn't|never) ?-?(authori[sz]ed|allowed|permitted|welcome|accepted|acceptable)
access (control|rule|denied)
message (not|can't be|cannot be) accept
(abgelehnt|abgewiesen|zurückgewiesen|verweigert|nicht (angenommen|akzeptiert|erlaubt)|rejete|refuse|rechazad|
    rifiutat|respint|rejeitad|recusad|geweigerd|odrzucon|отклон)
"""
