"""With which words do mail servers report that a mail did not arrive, or not yet?"""

from __future__ import annotations

from typing import Final

from cadenza.mail.incoming.phrases import Phrases

#: Names that mail servers give themselves.
DAEMON_NAME: Final = Phrases(
    r"""
mail ?(delivery|er|error|administrator|admin|system|server|router|gateway|agent|transport|robot|transfer)
(mail|message|e-?mail) (delivery|administrator|system|router|transfer|server|service|gateway)
(internet |intermail |smtp )?(mail )?delivery (sub)?system
delivery (sub)?(system|service|agent|notification|status)
(system|systems|postmaster|e-?mail|network|exchange) ?(-| )?(administrat|attendant)
postmaster|mailer-daemon|mail daemon|mdaemon|microsoft exchange|microsoft outlook$
lsmtp|jetmail|[^ ]*mail system|e500|non-?delivery
systemadministrat|administrateur syst|amministratore di sist|administrador del? (sist|correo)|systeembeheer
administrator systemu
"""
)
#: Subjects of reports.
SUBJECT: Final = Phrases(
    r"""
(mail |message |e-?mail )?undeliver
(your )?(mail|message|e-?mail|letter) … (undeliver|not (be )?deliver|could not|cannot be|not sent|returned|rejected|
    delayed|bounced|blocked|status|failed)
(mail|message|e-?mail)? ?(delivery|transport|transmission) (subsystem |system |status |failure |error |problem |
    has |was |of |to |attempt )*(fail|error|problem|notif|report|delay|unsuccess|warning|status|suspend|incomplete|
    failure)
(automatic )?(mail |message )?(delivery|send|sending) (status|failed|failure|error|delay|problem|incomplete)
(permanent |temporary )?(failed|failure|fail|error|bounce|bounced|blocked|warning)[: ]* … (mail|deliver|notice|
    message|recipient)
failure (notice|delivery|of|in)
returned (mail|message|e-?mail|to sender|due)
(non|un)-?(delivery|delivered|deliverable|zustellbar)
non-?delivery
nondeliverable
(delayed|rejected|bounced|returned|blocked|undelivered|failed|unsent|unknown|bad|invalid) (mail|message|e-?mail|
    recipient|user|address|delivery)
warning: … (could not|still|delay|message|mail|user unknown)
(mail|smtp|message|e-?mail) (system |server )?(error|failure|failed|bounce|bounced|returned|rejected|warning|
    undeliver|quota)
(user|recipient|address|mailbox|account) … (unknown|not (found|exist|listed|known|valid)|unavailable|full\b|
    does not|invalid)
(mailbox|inbox|quota) … (full|exceed|over)
ndn:|ndr:|dsn:|bounce:
\[(bounce|return|undeliver|fail|reject)
(mail|message|e-?mail) you sent
(delivery|zustell|zustellung)[^ ]* … (fehl|nicht|unmöglich|verzöger|benachrichtigung)
(unzustellbar|nicht zustellbar|zustellung|nachricht … nicht zugestellt|rücklauf|fehler bei der)
(non remis|message non|courriel non|echec|avis de non|notification d'etat|remise|retour de|votre message .* pas|
    utilisateur non|utilisateur inconnu|erreur de)
(no se (puede|pudo|ha)|no entregad|no se entrego|error (al|de|en) … (entreg|env)|fallo|mensaje (no|devuelto)|
    correo (no|devuelto)|notificacion … (estado|entrega)|imposible entregar)
(non recapit|mancat|impossibile|messaggio … non|consegna|errore (di|nell))
(onbestelbaar|niet bezorgd|niet afgeleverd|bericht … niet|mislukte|kan niet worden|afleverstatus|bezorging)
(nao (entreg|foi)|mensagem … nao|falha (na|de|no)|nao e possivel|erro (de|na|no)|devolvid|status de entrega|
    notificacao)
(niedostarcz|nie dostarcz|nie mozna|nieudan|wiadomosc nie|niepowodzenie|zwrot|blad)
(olevererbart|kan ikke leveres|ikke levert|ej levererat|kunde inte levereras|ikke leveret|ei voitu|toimitt|
    nedorucit|nedorucen|kezbesit|iletilemedi|teslim)
[^ ]*(недостав|не доставлен|невозможно доставить|не удалось доставить|ошибка доставки|возврат|
    не может быть доставлен)
[^ ]*(配信不能|配信エラー|送信できません|エラー通知|未配達|配達不能|不達|退信|
    无法投递|無法傳遞|传输失败|发送失败|傳送失敗|投递失败|系统退信|邮件传输|배달|전송 ?실패|반송)
"""
)
#: Of a failed or a late delivery.
FAILED: Final = Phrases(
    r"""
(mail|message|e-?mail|letter|it\b|delivery|post\b|copy|notification|correspondence|the (following|below|attached|
    original))s? … (undeliver|not (be |been |able to be |reach |get |able to )?(deliver|sent|transmit|forward|reach|
    arrive|accept|process)|could(n't| not) be … (deliver|sent|forward|process|reach)|cannot be … (deliver|sent)|
    can't be (deliver|sent)|(was|were|been|is) (automatically )?(returned|rejected|bounced|refused|delayed|blocked)|
    (has )?failed|encountered|no longer|did(n't| not) (reach|receive|arrive|get))
(unable|impossible|not able|wasn't able|not possible|failed|cannot|can't|could not|couldn't|failure|error|problem|
    attempt(ed|s)?|trouble)s? … deliver
(delivery|delevery|transmission) … (fail|abort|delay|unsuccess|not (possible|complete|success)|impossible|suspend|
    postpon|problem|error)
(recipient|address|addressee|destination|user|mailbox)[^ ]* … (did(n't| not) receive|(has|have|had) … (fail|error|
    problem|permanent|fatal|delivery|transient)|failed|were not reached|could not be reached|not reached)
(was|were|been|be) not (been |be )?(deliver|sent)
(did not|didn't|not) (reach|receive) … (recipient|message|mail|copy)
(error|problem|failure) … (detected|occurred|encountered|while|processing|sending|delivering) … (message|mail|
    enclosed|e-?mail)
(permanent|fatal|delivery|transient|non-?fatal) (fatal |delivery )?(error|failure)
undeliver
non-?delivery
returned (to sender|mail|message)
returning (the|your) … (mail|message)
transcript of (the )?session
(does not|doesn't|no longer|not) (exist|have|work|a valid|valid|here)
(unknown|invalid|no such) (user|recipient|address|mailbox|account)
(user|recipient|address|mailbox|account)[^ ]* (is |are )?(unknown|invalid|not found|full|over)
quota exceeded|over quota|mailbox … full
(will|be) … (retried|re-?try|try(ing)? (again|to deliver)|attempted|keep trying|continue … (deliver|try|attempt))
(delivery attempts|has been postponed|not yet been delivered|still being retried|warning only|advisory-only)
(automatically|machine) (generated|rejected)
delivery (status )?(notification|report)
(nachricht|mail|e-mail|zustellung|nachfolgende|folgende)[^ ]* … (nicht … (zugestellt|zustell|ausgeliefert|erreicht|
    gesendet|übermittelt|angenommen)|unzustellbar|fehlgeschlagen|nicht möglich|gescheitert|verzöger|zurück)
(message|courriel|remise|mail|destinataire|mel)[^ ]* … (n'a (pas )?pu|pas pu|n'ont pas|non (remis|delivr)|echoue|
    impossible|pas ete (remis|delivr|distribu|livre)|n'a pas ete)
(mensaje|correo|entrega|destinatario|mail)[^ ]* … (no (se )?(pudo|puede|ha podido|pudieron|ha sido|fue) … (entreg|
    envi|ser)|no entregad|fallid|error|imposible|devuelto)
(messaggio|consegna|mail|destinatari)[^ ]* … (non … (consegnat|recapitat|stat|possibile|riuscit|raggiunt)|fallit|
    impossibile)
(mensagem|e-mail|entrega|destinatario)[^ ]* … (nao (foi|pode|pôde|puderam|pude)|falhou|devolvid|impossivel)
(bericht|mail|aflevering|bezorging|geadresseerde)[^ ]* … (niet (worden )?(bezorgd|afgeleverd|verzonden|bereikt|
    besteld)|kon niet|mislukt|onbestelbaar)
(wiadomosc|przesylka|dostarczenie|poczta|list)[^ ]* … (nie (mogla|zostala|mozna|moze|dotarla)|niedostarcz|
    niepowodzen|nie powiodl)
[^ ]*(не (может|могло|может быть|было|удалось|доставлен)|невозможно доставить|недоставлен|не смогл)
[^ ]*(無法|无法|不能|失败|失敗|退信|未能)[^ ]{0,12}(投递|送达|发送|傳送|傳遞|投遞|送達|寄送|邮件|郵件|信件)
[^ ]*(メール|メッセージ|配信|配達|送信|お送り)[^ ]{0,30}(
    できません|届きません|届けられません|失敗|エラー|不能|ませんでした)
[^ ]*(메일|전송|배달)[^ ]{0,12} ?[^ ]{0,8}(실패|못했|없습니다|되지)
(meddelande|besked|melding|viesti|e-post)[^ ]* … (inte … (leverer|skick)|ikke … (lever|send)|kunne ikke|kunde inte|
    ei voitu|ei toimitettu)
(zprav|iletiniz|uzenet)[^ ]* … (nedoruc|nelze|nebyl|iletilemedi|teslim edilemedi|nem … kezbesit)
"""
)
#: It is tried again.
DELAY: Final = Phrases(
    r"""
(this is a )?warning (message )?only
(delivery|message|mail|e-?mail)[^ ]* … (delayed|postponed|has not yet been)
not (yet )?been delivered … (yet|after|for|will)
not yet (been )?deliver
(delivery status notification|dsn|notification|mail|message|status) \(delay
delayed (mail|message|delivery|e-?mail)
still (being )?(retr|try|attempt|undeliver)
(will|shall) (be |continue |keep |automatically )*(retried|retry|retrying|trying|try |to try|attempt (again|
    to deliver|delivery)|be (made|attempted))
(delivery attempts|attempts) will (continue|be (made|repeated))
(message|mail) will be (retried|deleted|returned) … (if|for|until)
will (continue|keep) … (try|attempt|retry)
no action is required
you do not need to (resend|take)
do not (need to )?resend
could not send message for past
(temporary|temporarily|transient) … (fail|problem|error|delay|undeliver) … (will\b|retry)
(verzöger|zustellung … verzögert|weitere zustellversuche|wird … weiter versucht|noch nicht zugestellt|
    noch nicht ausgeliefert)
(retarde|differe|pas encore|nouvelles? tentatives?|retard )
(retras(o|ad)|demorad|seguira … intentando|se volvera|aun no)
(ritard|verra … ritentat|ulteriori tentativi|non ancora)
(vertraag|opnieuw geprobeerd|nog niet)
(atras(o|ad)|novas tentativas|continuar. tentando|ainda nao)
(opoznion|kolejne proby|jeszcze nie)
[^ ]*(задержан|отложен|повторн)
[^ ]*(遅延|延迟|延遲|再送|再试|重试)
"""
)
#: It is not tried again, whatever else is said.
FINAL: Final = Phrases(
    r"""
(permanent|fatal) (fatal )?(error|failure|delivery)
(gave|given|giving) up
failed permanently|permanently failed
(will not|won't|no longer|not going to) … (retr|try|attempt|be tried)
"""
)
