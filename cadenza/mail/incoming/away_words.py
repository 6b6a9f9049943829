"""With which words do people and machines say that somebody is away, and when that ends?

English, German, French, Spanish, Italian, Dutch, Portuguese and Polish together: the words hardly meet, and nobody has
to guess a language first. All are plain: lower case, no accents.
"""

from __future__ import annotations

from typing import Final

from cadenza.mail.incoming.phrases import Phrases

#: Subjects that only machines write.
SUBJECT: Final = Phrases(
    r"""
(automatic|automated|automatische|automatisch|auto|autom\.?)[- ]?(reply|response|answer|respons|antwort|antwoord|
    svar|email reply|acknowledg)
(auto-?reply|autoreply|auto ?responder|autoresponse|autorespond|autoantwort|autosvar|autoresposta|autorespuesta)
(out[- ]of[- ](the[- ])?office|ooo\b|oof\b|out of town)
(away from (my|the) (mail|office|desk)|on (vacation|holiday|leave)|vacation (reply|message|notice)|holiday (reply|
    notice)|annual leave|parental leave|maternity leave)
(i am|i'm|currently) (out|away|on (vacation|leave|holiday|annual|parental|maternity))
(abwesenheit|abwesend|urlaubs|nicht im (büro|haus)|ausser haus|im urlaub|elternzeit)[^ ]*
(reponse|message) automatique
(absence|absent(e)?\b|en conges?|hors du bureau|absent du bureau|message d'absence|notification d'absence)
(respuesta|contestacion|contestador) automatic[ao]
(fuera de(l| la)? oficina|ausente|ausencia|de vacaciones|vacaciones)
(risposta automatica|risposta di fuori sede|fuori (sede|ufficio|dall'ufficio)|assente|assenza|in ferie)
(automatisch (antwoord|bericht)|afwezig|niet op kantoor|buiten kantoor|met vakantie|op vakantie|vakantie)[^ ]*
(resposta automatica|fora do escritorio|ausencia|ausente|de ferias|ferias|em ferias)
(automatyczna odpowiedz|odpowiedz automatyczna|autoodpowiedz|autoresponder|poza biurem|nieobecn|urlop)[^ ]*
(automaattinen vastaus|automatisk svar|automatiskt svar|fravaer|franvaro|poissa|automaticka odpoved|
    automatikus valasz|otomatik (yanit|cevap))
[^ ]*(автоответ|автоматический ответ|вне офиса|自動返信|自动回复|自動回覆|不在通知|자동 ?(회신|응답)|부재중)
(thank you for (contacting|your (e-?mail|message|inquiry|enquiry|request))|we('ve| have) received your|
    your (request|message|e-?mail|ticket|inquiry|enquiry) (has been|was) received|ticket (received|created|opened)|
    (your |new )?(support )?(request|case|ticket) (received|#))
(empfangsbestatigung|eingangsbestatigung|ihre anfrage|accuse de reception|acuse de recibo|ontvangstbevestiging|
    potwierdzenie)
(read|delivered|gelesen|lu|leido|letto|gelezen|lido|przeczytano):
(return receipt|read receipt|lesebestatigung|accuse de lecture|confirmacion de lectura|conferma di lettura|
    leesbevestiging)
"""
)
#: Statements that the writer is away.
AWAY: Final = Phrases(
    r"""
(i am|i'm|i will be|i'll be|am|currently|we are|he is|she is|be|is) … (out of (the |my )?office|away (from|on|until|
    till|for)|on (annual |sick |parental |maternity |paternity |medical |family )?(leave|vacation|holidays?)|
    on a business trip|travell?ing|out of (town|the country)|on pto|ooo\b|unavailable|not in the office|
    not available|off (until|till|work|today))
away (until|till)\b
(out of (the )?office|on vacation|on annual leave|on holidays?) (until|till|from|and|with|this|today|on|through)
(office|we|company) … (is|are|will be) closed
(nicht (im|in meinem|am) (büro|haus|office|arbeitsplatz)|im urlaub|in urlaub|ausser haus|abwesend|nicht erreichbar|
    auf dienstreise|in elternzeit|im mutterschutz|nicht anwesend|ausserhalb des büros|geschlossen|krankgemeldet|
    betriebsferien|betriebsurlaub)
(absente?s? (du|de|jusqu|pour|le|au|actuellement|des|les)|suis absente?|serai absente?|sera absente?|
    actuellement absente?|en conges?|en vacances|hors du bureau|en deplacement|indisponible|pas joignable|fermes?\b|
    conge (maternite|parental|maladie))
(fuera de (la )?oficina|de vacaciones|estoy ausente|estare ausente|ausente (hasta|del|desde)|no estare|
    no me encuentro|de viaje|de baja (por|medica|maternal)|de permiso|no disponible)
(fuori (ufficio|sede|dall'ufficio)|in ferie|in vacanza|(sono|saro|sara) assente|assente (fino|dal|per)|non (saro|
    sono) (in ufficio|disponibile|raggiungibile)|in trasferta|in maternita|chius[oi] per)
(niet op kantoor|afwezig|met vakantie|op vakantie|buiten kantoor|niet aanwezig|niet bereikbaar|met verlof|
    op zakenreis|zwangerschapsverlof|gesloten)
(fora do escritorio|de ferias|em ferias|(estou|estarei|estara) ausente|ausente (ate|de|do)|nao (estarei|
    estou) (disponivel|no escritorio)|em viagem|de licenca|licenca maternidade)
(poza biurem|na urlopie|nieobecn|przebywam na|nie ma mnie w biurze|bede niedostepn|jestem niedostepn|niedostepn[ay]|
    w delegacji|urlopie macierzynskim)
"""
)
#: An answer that says itself that it is automatic.
AUTOMATIC: Final = Phrases(
    r"""
(automatic|automated|auto-?generated|automatically generated) (reply|response|message|e-?mail|answer|notification)
automatisch(e|er|es|en)? (antwort|nachricht|mail|e-mail|antwoord|bericht|generiert|erstellt|erzeugt)
(reponse|message) (automatique|genere automatiquement)
(respuesta|mensaje) automatic[ao]
(risposta|messaggio) automatic[ao]
(resposta|mensagem) automatica
(automatyczna|automatycznie) (odpowiedz|wygenerowana)
"""
)
#: What an automatic answer says besides.
MACHINE: Final = Phrases(
    r"""
(do not|please do not|don't) (reply|respond) to this
(limited|no|intermittent|sporadic|restricted|little) access to (my )?(e-?mail|mail|messages|internet)
(i|we) (will|'ll) (respond|reply|answer|get back to you|read|attend)( to)? … (return|back|as soon as)
(for|in) (urgent|case of (emergency|urgency)|emergenc|immediate|any urgent)
(if|should) … (urgent|immediate assistance|needs? immediate)
(your|this) (e-?mail|mail|message) (will|is|has) (not )?(be |been )?(forwarded|read|deleted|received)
(thank you|thanks) for (your|the) (e-?mail|mail|message|note)
(in dringenden|bei dringenden|in eiligen|bei dringlichkeit|dringende)
(ihre|deine) (e-?mail|nachricht|mail) wird … (weitergeleitet|nicht|gelesen|bearbeitet|gelöscht)
(vielen dank|danke) für (ihre|deine|ihr) (e-?mail|nachricht|mail|anfrage|interesse)
(en cas d'urgence|pour toute urgence|urgence)
(merci|je vous remercie) (pour|de) (votre|ton) (e-?mail|mail|message|courriel)
(en caso de urgencia|para (temas|asuntos|cualquier) … urgen|urgencias?|si es urgente)
gracias por (su|tu) (e-?mail|correo|mensaje)
(per urgenze|in caso di urgenz|per (qualsiasi )?(necessita|comunicazioni) urgent)
grazie per (la sua|la tua|il suo|il tuo|avermi)
(voor dringende|in dringende|bij spoed|in geval van nood|voor urgente|in urgente)
(bedankt|dank) voor (uw|je|jouw) (e-?mail|mail|bericht)
(em caso de urgencia|para assuntos urgentes|urgencias)
obrigad[oa] (pelo|por) (seu|sua|teu|tua|e-?mail|contato|contacto)
(w pilnych|w sprawach pilnych|w przypadku pilnych|w naglych|w razie)
dziekuje (za|bardzo za) (wiadomosc|e-?mail|maila|kontakt)
"""
)

#: The last day away is named.
UNTIL: Final = (
    r"until|till|'til|til|through|thru|up to|up until|including|"
    r"bis(?: einschliesslich| einschl\.?| inkl\.?| inklusive)?(?: zum)?|"
    r"jusqu'au|jusqu'a|jusqu'en|jusque|hasta|fino|sino|tot(?: en met)?|t/m|ate|az do|wlacznie do|do dnia"
)
#: The first day away, or the first day back: what stands near decides.
FROM: Final = (
    r"from|vom|ab|as of|as from|starting|beginning|effective|du|des|depuis|a partir d[eu']l?|a partir|a compter du|"
    r"desde|del|dal|dall'|van|vanaf|de|od|poczawszy od|since|seit"
)
#: Somebody is there again.
BACK: Final = (
    r"back|return\w*|resume\w*|again|available|reachable|in the office|onwards?|zuruck\w*|wieder|erreichbar|ruckkehr|"
    r"retour|revien\w*|reviendrai|rentre\w*|reprise|reprend\w*|nouveau|joignable|disponible|vuelv\w*|vuelta|"
    r"regres\w*|retom\w*|reincorpor\w*|incorpor\w*|nuevo|rientr\w*|torner\w*|ritorn\w*|tornat\w*|nuovamente|nuovo|disponibile|operativ\w*|"
    r"terug\w*|weer|bereikbaar|aanwezig|volt\w+|retorn\w*|novo|novamente|disponivel|wrac\w*|wroc\w*|powrot\w*|powroc\w*|"
    r"ponownie|znowu|dostepn\w+|spowrotem|bede w biurze"
)
#: "Not available", "limited availability": nobody is there. "Get back to you" says nothing about it.
NOT_BACK: Final = (
    r"get(?:ting)? back to|return(?:ing)? your|"
    r"(?:not|no|nicht|non|niet|nao|nie|kaum|nur|un|only|schlecht|schwer|pas|limited|poco|cannot) (?:\w+ ){0,3}?"
    r"(?:available|reachable|in the office|back|return\w*|erreichbar|zuruck|disponible|disponibile|disponivel|"
    r"bereikbaar|aanwezig|joignable|dostepn\w+)"
)

#: Names of months by their number. Short ones that are other words ("sie", "out") are left out.
MONTHS: Final = {
    1: "january january jan januar janner janvier janv enero ene gennaio gen januari janeiro stycznia styczen sty",
    2: "february feb februar fevrier fevr febrero febbraio februari fevereiro fev lutego luty lut",
    3: "march mar marz mrz mars marzo maart mrt marco marca marzec",
    4: "april apr avril avr abril abr aprile kwietnia kwiecien kwi",
    5: "may mai mayo maggio mag mei maio maja maj",
    6: "june jun juni juin junio giugno giu junho czerwca czerwiec cze",
    7: "july jul juli juillet juil julio luglio lug julho lipca lipiec lip",
    8: "august aug aout agosto ago augustus sierpnia sierpien sierp",
    9: "september sept sep septembre septiembre set settembre setembro wrzesnia wrzesien wrz",
    10: "october oct oktober okt octobre octubre ottobre ott outubro pazdziernika pazdziernik paz",
    11: "november nov novembre noviembre novembro listopada listopad lis",
    12: "december dec dezember dez decembre dic diciembre dicembre dezembro grudnia grudzien gru",
}
#: Names of weekdays, Monday first; short ones are other words ("mon", "segunda").
WEEKDAYS: Final = (
    "monday montag lundi lunes lunedi maandag segunda-feira poniedzialku poniedzialek",
    "tuesday dienstag mardi martes martedi dinsdag terca-feira wtorku wtorek",
    "wednesday mittwoch mercredi miercoles mercoledi woensdag quarta-feira srody sroda srode",
    "thursday donnerstag jeudi jueves giovedi donderdag quinta-feira czwartku czwartek",
    "friday freitag vendredi viernes venerdi vrijdag sexta-feira piatku piatek",
    "saturday samstag sonnabend samedi sabado sabato zaterdag soboty sobote",
    "sunday sonntag dimanche domingo domenica zondag niedzieli niedziele",
)
TOMORROW: Final = "tomorrow|morgen|demain|manana|domani|amanha|jutra|jutro"
TODAY: Final = "today|heute|aujourd'hui|hoy|oggi|vandaag|hoje|dzis|dzisiaj"
NEXT_WEEK: Final = (
    "next week|nachste woche|nachster woche|kommende woche|kommender woche|la semaine prochaine|"
    "proxima semana|prossima settimana|volgende week|semana que vem|w przyszlym tygodniu|przyszlego tygodnia"
)
