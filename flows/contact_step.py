"""What does one contact's step do when it is watched on its own?"""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from cadenza.domain.delivery import AttemptResult
from tasks.send_email import send_email

NAMES = {
    AttemptResult.ACCEPTED: "Sent",
    AttemptResult.DEFERRED: "Deferred",
    AttemptResult.SILENCE: "Unanswered",
    AttemptResult.NOT_TRIED: "Put off",
    AttemptResult.LOST: "Taken over",
    AttemptResult.REJECTED: "Rejected",
}


@flow(name="contact-step", flow_run_name="delivery-{delivery_id}")
def contact_step(delivery_id: int) -> State[None]:
    """Hand one claimed delivery to its mail server and show what came of it.

    A delivery that is settled already is only shown. The server's words may hold an address: only its codes are kept.
    """
    attempt = send_email(delivery_id)
    reply = " ".join(str(part) for part in (attempt.code, attempt.status) if part)
    if attempt.result is AttemptResult.REJECTED:
        return Failed(name=NAMES[attempt.result], message=f"The server refused delivery {delivery_id}: {reply}")
    return Completed(name=NAMES[attempt.result], message=reply)
