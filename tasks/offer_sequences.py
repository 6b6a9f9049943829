"""Which sequences can a sender offer, and what is known of contacts in each of them?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from cadenza.domain.batch import Batch
from cadenza.domain.enrollment import CONTACT_OWNER, EnrollmentOptions, Segment
from cadenza.runtime import current
from cadenza.store import candidates, database
from cadenza.store.sequences import list_sequences
from cadenza.store.users import User, find_user, list_users


@dataclass(frozen=True, slots=True)
class Offer:
    """The sequences that are shared with a sender, each as a batch that nobody has begun."""

    batches: tuple[Batch, ...]
    users: tuple[User, ...]

    @property
    def whole(self) -> Batch:
        """A batch whose candidates have the facts for all sequences: it needs what any of them needs."""
        tokens = dict.fromkeys(path for batch in self.batches for path in batch.sequence.required_tokens)
        first = self.batches[0]
        return replace(first, sequence=replace(first.sequence, steps=(), required_tokens=tuple(tokens)))

    @property
    def by_zone(self) -> Iterable[Sequence[Batch]]:
        """Those of one time zone together: all else that decides when a first step runs is the same for all."""
        zones: dict[str | None, list[Batch]] = {}
        for batch in self.batches:
            zones.setdefault(batch.sequence.time_zone, []).append(batch)
        return zones.values()

    def facts(self, of_all: pd.DataFrame, batch: Batch) -> pd.DataFrame:
        """What is known of the candidates of ``whole`` in one of the sequences."""
        shared = [user.id for user in self.users if batch.sequence.is_shared_with(user.handle, user.teams)]
        codes, different = pd.factorize(of_all["missing_tokens"])
        needed = [*map(partial(_needed, batch), different), None]
        return of_all.assign(
            sequence_shared=np.isin(of_all["user_id"].to_numpy(dtype=np.int64, na_value=-1), shared),
            missing_tokens=pd.Series(needed, dtype=of_all["missing_tokens"].dtype).take(codes).set_axis(of_all.index),
        )


def offer_sequences(whom: Segment, sender: str, enrolled_by: str | None = None) -> Offer:
    """What a user may choose from, or with ``@owner`` as the sender every sequence.

    Raises:
        NotFound: there is no such user or list.
        FilterInvalid, WrongUse: the contacts are not named in exactly one way.
    """
    runtime = current()
    with database.transaction(runtime.engine) as connection:
        for handle in {sender, enrolled_by or sender} - {CONTACT_OWNER}:
            find_user(connection, handle)
        users = list_users(connection)
        senders = [user for user in users if user.handle == sender]
        size = candidates.count_candidates(connection, whom)
        stored = list_sequences(connection)
    common: Mapping[str, Any] = {
        "segment": whom,
        "sender": sender,
        "options": EnrollmentOptions(enrolled_by=enrolled_by),
        "size": size,
        "started_at": runtime.clock.now(),
    }
    batches = [
        Batch(
            id=None,
            sequence_id=one.id,
            sequence_version_id=one.version_id,
            sequence=one.sequence,
            is_sequence_active=one.is_active,
            **common,
        )
        for one in stored
        if sender == CONTACT_OWNER or any(one.sequence.is_shared_with(user.handle, user.teams) for user in senders)
    ]
    return Offer(tuple(batches), tuple(users))


def _needed(batch: Batch, missing: str) -> str | None:
    """Those of some missing tokens that a sequence needs."""
    return ", ".join(path for path in missing.split(", ") if path in batch.sequence.required_tokens) or None
