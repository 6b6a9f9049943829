"""What happens, week after week, until nothing is due any more?"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from typing import Final

from cadenza.domain.assumptions import Answer, AnswerKind, Assumptions
from cadenza.domain.claim import Claim
from cadenza.domain.guard import why_pause
from cadenza.domain.rehearsal import Pause, Progress
from cadenza.errors import RehearsalStuck
from cadenza.runtime import DrivenClock, current
from cadenza.store import answers, database, guard, rehearsals, todos

#: So many times in a row, a second apart, nothing may happen although something is due.
PATIENCE: Final = 3_600


@dataclass
class Play:
    """The weeks of a rehearsal, played by the deeds that real waves are made of."""

    claim: Callable[[str], Claim]
    hand_over: Callable[[Sequence[int]], object]
    recover: Callable[[], object]
    assumptions: Assumptions
    #: Told how far it is, whenever something happened.
    show: Callable[[Progress], None]
    progress: Progress = field(init=False)
    pauses: list[Pause] = field(default_factory=list)
    #: What people will do, the soonest first (a heap): answer, or be done with the to-do of this id.
    coming: list[tuple[datetime, int, Answer | int]] = field(default_factory=list)
    agenda: rehearsals.Agenda = field(init=False)
    latest_todo: int = 0

    def __post_init__(self) -> None:
        self._numbers = count()

    def run(self) -> None:
        """Jump from one instant at which something happens to the next, until nothing does any more.

        Raises:
            RehearsalStuck: steps are due that no wave can run.
        """
        runtime = current()
        with database.transaction(runtime.engine) as connection:
            self.progress = Progress(runtime.clock.now(), rehearsals.steps_ahead(connection))
        with rehearsals.agenda(runtime.engine) as self.agenda:
            idle = 0
            while (at := self._soonest()) is not None:
                self.progress = replace(self.progress, at=self._reach(at))
                has_happened = self._let_people_act() or self._run_waves()
                self.show(self.progress)
                idle = 0 if has_happened else idle + 1
                if idle > PATIENCE:
                    raise RehearsalStuck()
                if idle:
                    # Something is under way that is not ours to finish: a delivery without an answer, for one.
                    runtime.clock.wait(1)
                    self.recover()

    def _soonest(self) -> datetime | None:
        wave = self._next_wave()
        return min([*([wave.runs_at] if wave else []), *(at for at, _, _ in self.coming[:1])], default=None)

    def _next_wave(self) -> rehearsals.NextWave | None:
        runtime = current()
        return self.agenda.next_wave(runtime.clock.now(), runtime.settings.limits)

    def _reach(self, at: datetime) -> datetime:
        clock = current().clock
        assert isinstance(clock, DrivenClock)
        clock.at = max(clock.at, at)
        return clock.at

    def _run_waves(self) -> bool:
        """Run what the zones may run at this instant, then hand all of it over; whether there was anything."""
        now = current().clock.now()
        claims = []
        while (wave := self._next_wave()) and wave.runs_at <= now:
            claim = self.claim(wave.time_zone)
            if not (claim.delivery_ids or claim.todos or claim.held or claim.ended):
                break
            claims.append(claim)
        delivery_ids = [id_ for claim in claims for id_ in claim.delivery_ids]
        if delivery_ids:
            self.hand_over(delivery_ids)
        self._take_notice(delivery_ids, has_todos=any(claim.todos for claim in claims))
        return bool(claims)

    def _take_notice(self, delivery_ids: Sequence[int], *, has_todos: bool) -> None:
        """Decide what people will do about mails that left and to-dos that were opened."""
        runtime, assumptions = current(), self.assumptions
        mails = self.agenda.mails_out(delivery_ids) if delivery_ids else []
        opened = self.agenda.todos_opened(self.latest_todo) if has_todos else []
        self._count(mails=len(mails))
        for mail in mails:
            if answer := assumptions.answer_to(mail):
                self._expect(answer.at, answer)
        for todo in opened:
            self.latest_todo = todo.id
            zone = todo.time_zone or runtime.settings.default_time_zone
            if done_at := assumptions.done_at(todo.opened_at, zone):
                self._expect(done_at, todo.id)

    def _expect(self, at: datetime, deed: Answer | int) -> None:
        heapq.heappush(self.coming, (at, next(self._numbers), deed))

    def _let_people_act(self) -> bool:
        """Do what people do at this instant, all of it at once; whether there was anything."""
        runtime = current()
        now = runtime.clock.now()
        deeds = []
        while self.coming and self.coming[0][0] <= now:
            deeds.append(heapq.heappop(self.coming)[2])
        if not deeds:
            return False
        came = [deed for deed in deeds if isinstance(deed, Answer)]
        with database.transaction(runtime.engine) as connection:
            answers.record(connection, [answer.effect for answer in came], runtime.settings.answers, now)
            wanted = rehearsals.still_wanted(connection, [deed for deed in deeds if isinstance(deed, int)])
            done = todos.complete_todos(connection, wanted, "rehearsal", now)
        bounces = sum(answer.kind is AnswerKind.BOUNCE for answer in came)
        self._count(todos=len(done), replies=len(came) - bounces, bounces=bounces)
        if bounces:
            self._guard(now)
        return True

    def _guard(self, now: datetime) -> None:
        """Stop what the guard stops; nobody lets it go on."""
        runtime = current()
        policy = runtime.settings.guard
        with database.transaction(runtime.engine) as connection:
            tallies = guard.tally_mailboxes(connection, policy.days, now)
            tallies += guard.tally_sequences(connection, policy.days, now)
            reasons = {tally: reason for tally in tallies if (reason := why_pause(tally, policy))}
            paused = guard.pause(connection, reasons, now)
        self.pauses += [Pause(now, tally.what, tally.id, reasons[tally]) for tally in paused]
        is_over = any(tally.what == "sequence" for tally in paused)
        self.agenda.stop(None if is_over else {tally.id for tally in paused if tally.what == "mailbox"})

    def _count(self, **more: int) -> None:
        self.progress = replace(
            self.progress, **{name: getattr(self.progress, name) + number for name, number in more.items()}
        )
