"""What does a Prefect Secret block hold that a mailbox names (``password_block``)?"""

from __future__ import annotations

import httpx
from prefect.blocks.system import Secret
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import get_current_settings

from cadenza.errors import MailServerUnavailable, NotRunning, SecretMissing


def read_secret_block(name: str) -> str:
    """The secret itself.

    Raises:
        SecretMissing: the Prefect server has no such block.
        MailServerUnavailable: the Prefect server does not answer (transient).
        NotRunning: there is none.
    """
    if not get_current_settings().api.url:
        raise NotRunning()
    try:
        block = Secret.load(name)
        assert isinstance(block, Secret)
        return str(block.get())
    except ValueError as error:
        raise SecretMissing(
            f"There is no Prefect Secret block {name!r}: create it in the Prefect UI under Blocks, "
            "or connect the mailbox again."
        ) from error
    except (httpx.TransportError, PrefectHTTPStatusError) as error:
        raise MailServerUnavailable(
            f"The Prefect server does not give the block {name!r} out now ({type(error).__name__}): mails wait."
        ) from error
