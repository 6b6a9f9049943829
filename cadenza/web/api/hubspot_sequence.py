"""What is one of our sequences in HubSpot's words?"""

from __future__ import annotations

from datetime import datetime

from cadenza.domain.sequence import DelayUnit, Sequence, Step, StepKind, TodoKind
from cadenza.store.sequence_ages import DatedSequence
from cadenza.web.api.hubspot_shapes import (
    PublicEmailPatternResponse,
    PublicSequenceLiteResponse,
    PublicSequenceResponse,
    PublicSequenceSettingsResponse,
    PublicSequenceStepDependencyResponse,
    PublicSequenceStepResponse,
    PublicTaskPatternResponse,
)

_MILLISECONDS = {
    DelayUnit.MINUTES: 60_000,
    DelayUnit.HOURS: 3_600_000,
    DelayUnit.DAYS: 86_400_000,
    DelayUnit.BUSINESS_DAYS: 86_400_000,
}
_TASK_TYPES = {
    TodoKind.CALL: "CALL",
    TodoKind.MANUAL_EMAIL: "EMAIL",
    TodoKind.LINKEDIN_MESSAGE: "LINKED_IN_MESSAGE",
    TodoKind.LINKEDIN_CONNECTION: "LINKED_IN_CONNECT",
    TodoKind.GENERAL: "TODO",
}
#: Steps of one version, so that a version and a position make one number.
_STEPS = 1_000


def lite(dated: DatedSequence, user_id: int) -> PublicSequenceLiteResponse:
    """The sequence in a list."""
    return PublicSequenceLiteResponse(
        id=str(dated.stored.id),
        name=dated.stored.sequence.title,
        createdAt=dated.created_at,
        updatedAt=dated.updated_at,
        folderId=dated.stored.folder or None,
        userId=str(user_id),
    )


def whole(dated: DatedSequence, user_id: int) -> PublicSequenceResponse:
    """The sequence with its newest version."""
    sequence, version, at = dated.stored.sequence, dated.stored.version_id, dated.version_at
    return PublicSequenceResponse(
        **dict(lite(dated, user_id)),
        steps=[_step(step, version, at) for step in sequence.steps],
        dependencies=_dependencies(sequence, version, at),
        settings=_settings(sequence, version, at),
    )


def _id(version: int, position: int) -> str:
    return str(version * _STEPS + position)


def _step(step: Step, version: int, at: datetime) -> PublicSequenceStepResponse:
    id_ = _id(version, step.position)
    is_mail = step.kind is StepKind.EMAIL
    return PublicSequenceStepResponse(
        id=id_,
        stepOrder=step.position - 1,
        actionType="EMAIL" if is_mail else "TASK",
        delayMillis=step.delay.amount * _MILLISECONDS[step.delay.unit],
        createdAt=at,
        updatedAt=at,
        emailPattern=PublicEmailPatternResponse(
            id=id_,
            templateId=id_,
            createdAt=at,
            updatedAt=at,
            threadEmailToStepOrder=step.reply_to_position and step.reply_to_position - 1,
        )
        if is_mail
        else None,
        taskPattern=None
        if is_mail
        else PublicTaskPatternResponse.model_validate(
            {
                "id": id_,
                "taskType": _TASK_TYPES[step.todo_kind],
                "taskPriority": step.priority.upper(),
                "subject": step.title,
                "notes": step.notes or None,
                "createdAt": at,
                "updatedAt": at,
            }
        ),
    )


def _dependencies(sequence: Sequence, version: int, at: datetime) -> list[PublicSequenceStepDependencyResponse]:
    return [
        PublicSequenceStepDependencyResponse(
            id=_id(version, step.position),
            dependencyType="TASK_COMPLETION",
            reliesOnSequenceStepId=_id(version, step.position),
            reliesOnStepOrder=step.position - 1,
            requiredBySequenceStepId=_id(version, step.position + 1),
            requiredByStepOrder=step.position,
            createdAt=at,
            updatedAt=at,
        )
        for step in sequence.steps[:-1]
        if step.kind is StepKind.TODO and step.is_blocking
    ]


def _settings(sequence: Sequence, version: int, at: datetime) -> PublicSequenceSettingsResponse:
    window = sequence.follow_ups.window
    return PublicSequenceSettingsResponse.model_validate(
        {
            "id": str(version),
            "eligibleFollowUpDays": sequence.follow_ups.eligible_days.value.upper(),
            "sellingStrategy": "ACCOUNT_BASED" if sequence.account_based else "LEAD_BASED",
            "sendWindowStartMinute": window.start_minute if window else 0,
            "sendWindowEndMinute": window.end_minute if window else 1_440,
            "taskReminderMinute": 0,
            "individualTaskRemindersEnabled": False,
            "createdAt": at,
            "updatedAt": at,
        }
    )
