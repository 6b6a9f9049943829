"""What do an enrollment's own words come to: may they go out, and which tokens do they need?"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from operator import attrgetter

from cadenza.domain.batch import Batch
from cadenza.domain.overrides import NOTHING, Overrides, as_json
from cadenza.domain.passage import Passage
from cadenza.domain.sequence import Sequence, StepKind
from cadenza.domain.variants import written
from cadenza.errors import OverrideInvalid, TemplateInvalid
from cadenza.mail.bodies import Bodies
from cadenza.mail.templates import compile_template

#: Fields of a step that are templates, in the order in which people read them.
_PARTS = ("subject", "html", "text", "title", "notes")


def check_words(overrides: Overrides) -> None:
    """See that every subject, text, title and note is a template that can do no harm.

    Raises:
        OverrideInvalid: names the field, and in it each line with what may not stand there.
    """
    for position, step in overrides.steps.items():
        for name in _PARTS:
            if source := getattr(step, name):
                _check(source, name, f"steps.{position}.{name}")
        if step.html or step.text:
            try:
                _bodies(step.html or "", step.text or "")
            except TemplateInvalid as error:
                raise OverrideInvalid.of(f"steps.{position}.{'html' if step.html else 'text'}", str(error)) from None


def changed_for_all(sequence: Sequence, overrides: Overrides) -> Sequence:
    """A sequence as it is for all contacts of a batch, with the tokens that are required then.

    Raises:
        OverrideInvalid: names the field, and of two that contradict each other both.
    """
    if not overrides:
        return sequence
    if 1 <= (start := overrides.start_position or 1) <= len(sequence.steps):
        overrides.check(sequence)
    check_words(overrides)
    changed = overrides.applied_to(sequence)
    is_other = overrides.has_words or start > 1
    needed = required_tokens(changed, start) if is_other else sequence.required_tokens
    given = {*overrides.token_values, *overrides.fallbacks}
    return replace(changed, required_tokens=tuple(path for path in needed if path not in given))


class Chooser:
    """Lays the options of single contacts over those of a batch."""

    def __init__(self, batch: Batch) -> None:
        self._sequence = batch.sequence
        for_all = batch.options.for_all
        #: What the passage of a contact takes over from it.
        self._for_all = replace(for_all, time_zone=None, send_at=None, mailbox_id=None)
        self._start = batch.start_position
        self._required = frozenset(batch.sequence.required_tokens)
        self._by_step = {position: frozenset(paths) for position, paths in required_by_step(batch.sequence).items()}
        #: What holds for contacts without options of their own, or whose own make no sense.
        self.same = Passage(batch.start_position, batch.is_mail_first)

    def choice(self, own: Overrides) -> Passage:
        """What holds for a contact that has options of its own."""
        try:
            own.check(self._sequence, self._start)
            check_words(own)
        except OverrideInvalid as error:
            return self.refused(error)
        start = own.start_position or self._start
        chosen = own.over(self._for_all)
        needed = self._required
        if own.has_words or start != self._start:
            needed = self._needed(own, start)
        return Passage(
            start,
            self._sequence.step(start).kind is StepKind.EMAIL,
            own.time_zone,
            own.send_at,
            own.mailbox_id,
            chosen.from_alias,
            needed - {*chosen.token_values, *chosen.fallbacks},
            chosen.as_stored(),
            as_json(chosen.token_values) if chosen.token_values else None,
        )

    def _needed(self, own: Overrides, start: int) -> frozenset[str]:
        """The tokens that the steps from ``start`` on need, some of them with other words."""
        given = frozenset(self._sequence.fallbacks)
        needed: set[str] = set()
        for step in self._sequence.steps[start - 1 :]:
            chosen = own.steps.get(step.position)
            if chosen is None or not (chosen.has_words or chosen.title or chosen.notes):
                needed |= self._by_step[step.position]
            else:
                needed |= set(_required_by(_words(chosen.applied_to(step)), given))
        return frozenset(needed)

    def refused(self, error: OverrideInvalid) -> Passage:
        """What holds for a contact whose options make no sense."""
        return replace(self.same, code=error.code, problem=str(error))


def required_by_step(sequence: Sequence) -> dict[int, tuple[str, ...]]:
    """The tokens of contact and company for which there must be a value, by the position of the step."""
    given = frozenset(sequence.fallbacks)
    texts = {step.position: [written(step, variant) for variant in step.variants] or [step] for step in sequence.steps}
    return {
        position: tuple(dict.fromkeys(path for one in some for path in _required_by(_words(one), given)))
        for position, some in texts.items()
    }


def required_tokens(sequence: Sequence, start: int = 1) -> tuple[str, ...]:
    """Those of all steps from ``start`` on."""
    by_step = required_by_step(sequence)
    return tuple(dict.fromkeys(path for step in sequence.steps[start - 1 :] for path in by_step[step.position]))


def steps_of_tokens(batch: Batch, own: Overrides = NOTHING) -> dict[str, tuple[int, ...]]:
    """At which steps a contact of a batch needs a value for each token."""
    sequence = own.applied_to(batch.sequence)
    start = own.start_position or batch.start_position
    steps: dict[str, tuple[int, ...]] = {}
    for position, paths in required_by_step(sequence).items():
        for path in paths if position >= start else ():
            steps[path] = (*steps.get(path, ()), position)
    return steps


_words = attrgetter(*_PARTS)


@lru_cache(maxsize=4_096)
def _required_by(words: tuple[str, ...], given: frozenset[str]) -> tuple[str, ...]:
    paths = (
        path
        for name, source in zip(_PARTS, words, strict=True)
        if source
        for path in compile_template(source, is_html=name == "html").required
    )
    return tuple(
        dict.fromkeys(path for path in paths if path.startswith(("contact.", "company.")) and path not in given)
    )


def _check(source: str, name: str, field: str) -> None:
    try:
        template = compile_template(source, is_html=name == "html")
    except TemplateInvalid as error:
        raise OverrideInvalid.of(field, str(error)) from None
    if "unsubscribe_url" in template.tokens and name in ("title", "notes", "subject"):
        raise OverrideInvalid.of(field, "unsubscribe_url stands in the text of a mail only.")


@lru_cache(maxsize=512)
def _bodies(html: str, text: str) -> Bodies:
    return Bodies.of(html, text, "en", "")
