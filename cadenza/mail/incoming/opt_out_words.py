"""With which words do people ask to be written to no more?

English, German, French, Spanish, Italian, Dutch, Portuguese and Polish.
"""

from __future__ import annotations

import re
from typing import Final

from cadenza.mail.incoming.phrases import Phrases

#: The whole of what is said, or a line of its own.
BARE: Final = re.compile(
    r"(?:please |bitte |svp |por favor |per favore |prosze |graag )?"
    r"(?:unsubscribe(?: me)?(?: now| immediately)?|opt[- ]?out|remove(?: me)?|stop|take me off|"
    r"abmelden|austragen|abbestellen|"
    r"desabonner|desinscrire|desinscription|desabonnement|me desinscrire|"
    r"darse? de baja|baja|cancelar suscripcion|"
    r"cancellami|cancellazione|disiscrivimi|annulla iscrizione|"
    r"uitschrijven|afmelden|"
    r"descadastrar|cancelar inscricao|remover|"
    r"wypisz(?: mnie)?|wypisz sie|rezygnuje)"
    r"(?: please| bitte| svp| merci| por favor| grazie| aub| thanks| thank you| danke)?[.! ]*"
)
#: Words by which it is asked for, wherever they stand.
ASKS: Final = Phrases(
    r"""
(please |kindly |could you |can you |would you |just )*(unsubscribe|delist|opt) (me|us|my|this (e-?mail|address)|
    out)
(i|we) (want|would like|wish|'d like|demand|request|ask) (you )?to (be )?(unsubscribe|opt out|removed?|taken off|
    be (removed|taken|deleted))
(please |kindly |could you |can you |would you )*(remove|delete|take|drop|strike|erase) (me|us|(my|our|this|
    these) (name|e-?mail|address|details|data|contact|company|mailbox)[^ ]*)\b … (from|off|out of)\b … (list|
    database|mailing|record|system|crm|sequence|distribution|contacts|files|mails|campaign)
(please |kindly )+(remove|delete|take) (me|us)( off)?\b
take (me|us|my [^ ]+) off (of )?(your|this|the|any|all)
(please |kindly |just |do )*(stop|cease|quit)\b … (e-?mailing|mailing|writing|contacting|messaging|spamming|sending|
    bothering|harassing|reaching out|these (e-?)?mails|the (e-?)?mails)
(do not|don't|never|dont|not to)\b … (e-?mail|contact|write|message|reach out|send|spam|bother) (to )?(me|us|my|
    any ?(more|thing|body)|further|again|such|this kind)
(do not|don't|no) (want|wish|need|longer (want|wish))\b … (to )?(receive|get|hear|be contacted|further (e-?)?mail|
    more (e-?)?mail|any (more )?(e-?)?mail|your (e-?)?mails|these (e-?)?mails)
(no longer|not)\b … (want|wish|like) to (receive|get|be contacted|hear from)
no (more|further) (e-?mails?|mails?|messages?|contact|communication|correspondence)\b
(never|not) (e-?mail|contact|write) (me|us|to me) (again|anymore|any more|ever)
how (do|can) (i|we) (unsubscribe|opt out|get off)
lose my (e-?mail|address|number|contact)
leave me alone
(exercise|under|pursuant to|according to)\b … (gdpr|dsgvo|rgpd|ccpa|right to (object|erasure|be forgotten))
(i|we)\b … object to … (processing|use|marketing)
(nehmen|streichen|entfernen|löschen|tragen|melden) sie (mich|uns|meine|diese|bitte)\b … (aus|von|ab\b|adresse|
    e-?mail|daten|verteiler|liste)
(bitte )?(nehmt|streicht|entfernt|löscht|tragt) (mich|uns|meine)
(bitte )?(mich|uns|meine [^ ]+)\b … (aus|von)\b … (verteiler|liste|datenbank|adress|kartei|system)\b … (nehmen|
    streichen|entfernen|löschen|austragen)
(bitte )?(keine|nie wieder|nicht mehr|unterlassen sie|schicken sie … keine|senden sie … keine|
    hören sie auf)\b … (e-?mails?|mails|werbung|nachrichten|zusendung|anschreiben|kontaktieren|kontaktaufnahme|
    schreiben|newsletter|zusenden|zu senden)
(möchte|möchten|will|wollen|wünsche)\b … (keine|nicht (mehr|langer))\b … (e-?mails?|mails|werbung|nachrichten|
    kontakt|angeschrieben|newsletter|erhalten|bekommen)
von … (verteiler|newsletter|liste) (abmelden|austragen|streichen|nehmen)
(widerspreche|widerrufe)\b … (nutzung|verarbeitung|werbung|einwilligung|kontakt|speicherung)
(veuillez|merci de|priere de|je vous prie de|je vous demande de|pouvez-vous|svp) (bien vouloir )?(me |nous |m'|
    ne plus|de ne plus|cesser|arreter|supprimer|retirer|desinscrire|desabonner|enlever|effacer|radier)+ … (liste|
    base|fichier|mail|contact|ecrire|envoyer|desinscri|desabonn|solliciter|adresse|coordonnees|donnees|envois?|
    message|demarch)
(me |m')(desinscrire|desabonner|retirer|supprimer|enlever|radier) (de|du|des|svp|s'il|immediat)
(desinscrivez|desabonnez|retirez|supprimez|enlevez|effacez)[- ](moi|nous|mon|mes)
(ne|arretez de|cessez de)\b … (m'|me |nous )(ecri|envo|contact|sollicit|demarch|relanc)[^ ]* … (plus|mail|message|
    svp)
(je )?ne (souhaite|veux|desire|souhaitons|voulons) (plus|pas)\b … (recevoir|etre (contact|sollicit|demarch)|
    de (vos )?(mail|message))
arretez … (mail|envoi|m'|message)
(por favor |favor de |le ruego que |les ruego que )*(elimine|elimin[ae]n|eliminar|quite|quiten|quitar|borre|borren|
    borrar|retire|retiren|saque|saquen|sacar|remueva|deme|denme|darme|dar)(me|nos)? … (de (su|la|esta|vuestra|tu)|
    lista|base|baja|correo|direccion|datos)
(no (quiero|deseo|queremos|deseamos|me interesa))\b … (recibir|ser contactad|mas (correo|mensaje|mail|informacion))
(no|deje[n]? de|dejad de|paren de)\b … (me |nos )?(envi|mand|escrib|contact)[^ ]* … (mas|correo|mensaje|mail|
    por favor)
(darme|darnos|dame|deme|denme) de baja
(la prego di|vi prego di|per favore |prego |si prega di |chiedo di |vogliate )*(rimuove|cancella|elimina|toglie|
    disiscrive|togliete|rimuovete|cancellate|eliminate|rimuova|cancelli|elimini|tolga|essere (rimoss|
    cancellat))[^ ]* … (lista|mailing|database|indirizzo|elenco|newsletter|dati|archivi|contatt)
(rimuovetemi|cancellatemi|toglietemi|eliminatemi|disiscrivetemi|cancellami|rimuovimi|toglimi)
non (desidero|voglio|vogliamo|desideriamo|intendo) (piu )?(ricevere|essere contattat)
(non|smett[^ ]* di|smettetela di)\b … (scriver|contatta|inviar|mandar)[^ ]* … (piu|mail|messaggi|ancora)
(gelieve |wilt u |kunt u |kan je |graag |verzoek )*(verwijder|schrap|haal|schrijf) (mij|ons|me|mijn|
    a\.?u\.?b)\b … (uit|van|lijst|adres|bestand|gegevens|mail)
(mij|me|ons|mijn [^ ]+)\b … (uitschrijven|afmelden|verwijderen|schrappen)
(wil|willen|wens|wensen)\b … (geen|niet (meer|langer))\b … (mail|e-?mails|bericht|contact|ontvangen|benaderd)
(stop|stoppen)\b … (met|het)\b … (mailen|sturen|versturen|mails|benaderen)
geen (verdere |nieuwe )?(e-?mails?|mails?|berichten|reclame) meer
(por favor |favor |peco que |solicito que |gostaria de )*(remov|retir|exclu|elimin|apag|tir|descadastr|
    cancel)[^ ]* … (me|meu|minha|nosso|da (sua|vossa)|lista|base|cadastro|e-?mail|contato|contacto|dados)
(nao (quero|desejo|queremos|desejamos|pretendo|tenho interesse em))\b … (receber|ser contact|ser contat|
    mais (e-?mail|mensage|contat))
(nao|parem de|pare de|deixem de)\b … (me |nos )?(envi|mand|escrev|contat|contact)[^ ]* … (mais|e-?mail|mensage|
    por favor)
(prosze |prosimy )*(o )?(usun|usuniecie|wypisa|wykresl|skresl|wypis)[^ ]* … (mnie|nas|moj|adres|dane|baz|list|mail|
    subskrypc)
(wypisz|wypiszcie|usuncie|usun|wykreslcie) (mnie|nas|moj)
nie (chce|chcemy|zycze sobie|zyczymy sobie|wyrazam zgody)\b … (otrzymyw|dostaw|kontakt|wiadomosc|mail|wiecej|na)
(prosze|prosimy)\b … (nie|o nie|zaprzesta)\b … (wysyla|pisa|kontakt|przesyla|pisz|wysylaj)
"""
)
#: Words that turn the request round, or speak of other people's.
NOT_ASKS: Final = Phrases(
    r"""
(don't|do not|didn't|did not|no need to|never) (want to |mean to |wish to |need to )?(unsubscribe|opt out|remove me|
    be removed)
(unsubscribe|opt[- ]out) (rate|link|button|page|header|process|feature|flow|list|option|reason)
(not|n't)\b … stop (e-?mailing|writing|sending)
(do not|don't) hesitate to
(please|do) (not |n't )?(remove|delete) me from (the )?(cc|copy|thread|loop|to line|this (thread|conversation))
"""
)
