"""How do the answers of HubSpot's Sequences API v4 look? Names of schemas and fields are HubSpot's."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from cadenza.web.api.shapes import Paging

#: Ids are texts there.
TextId = Annotated[str, BeforeValidator(str)]
_ABSENT: dict[str, Any] = {"exclude_if": lambda value: value is None}


class _Shape(BaseModel):
    model_config = ConfigDict(populate_by_name=True)


class PublicSequenceLiteResponse(_Shape):
    """A sequence in a list."""

    id: TextId
    name: str
    createdAt: datetime  # noqa: N815
    updatedAt: datetime  # noqa: N815
    folderId: str | None = Field(None, description="The name of its folder.", **_ABSENT)  # noqa: N815
    userId: TextId = Field(description="The user who asks: sequences here belong to nobody.")  # noqa: N815


class CollectionResponseWithTotalPublicSequenceLiteResponse(_Shape):
    """A page of sequences."""

    total: int
    results: list[PublicSequenceLiteResponse]
    paging: Paging | None = Field(None, **_ABSENT)


class PublicEmailPatternResponse(_Shape):
    """What an email step sends."""

    id: TextId
    templateId: TextId  # noqa: N815
    createdAt: datetime  # noqa: N815
    updatedAt: datetime  # noqa: N815
    threadEmailToStepOrder: int | None = Field(None, **_ABSENT)  # noqa: N815


class PublicTaskPatternResponse(_Shape):
    """What a to-do step asks for."""

    id: TextId
    taskType: Literal["CALL", "EMAIL", "LINKED_IN_CONNECT", "LINKED_IN_MESSAGE", "MEETING", "TODO"]  # noqa: N815
    taskPriority: Literal["HIGH", "LOW", "MEDIUM", "NONE"]  # noqa: N815
    subject: str
    notes: str | None = Field(None, **_ABSENT)
    createdAt: datetime  # noqa: N815
    updatedAt: datetime  # noqa: N815


class PublicSequenceStepResponse(_Shape):
    """A step."""

    id: TextId
    stepOrder: int  # noqa: N815
    actionType: Literal["ADAPTIVE_CONTAINER", "EMAIL", "FINISH_ENROLLMENT", "TASK"]  # noqa: N815
    delayMillis: int  # noqa: N815
    createdAt: datetime  # noqa: N815
    updatedAt: datetime  # noqa: N815
    emailPattern: PublicEmailPatternResponse | None = Field(None, **_ABSENT)  # noqa: N815
    taskPattern: PublicTaskPatternResponse | None = Field(None, **_ABSENT)  # noqa: N815


class PublicSequenceStepDependencyResponse(_Shape):
    """That a step waits until the to-do before it is done."""

    id: TextId
    dependencyType: Literal["ADAPTIVE_COMPLETION", "MANUAL_PAUSE", "TASK_COMPLETION"]  # noqa: N815
    reliesOnSequenceStepId: TextId  # noqa: N815
    reliesOnStepOrder: int  # noqa: N815
    requiredBySequenceStepId: TextId  # noqa: N815
    requiredByStepOrder: int  # noqa: N815
    createdAt: datetime  # noqa: N815
    updatedAt: datetime  # noqa: N815


class PublicSequenceSettingsResponse(_Shape):
    """When follow-ups may run."""

    id: TextId
    eligibleFollowUpDays: Literal["BUSINESS_DAYS", "EVERYDAY", "WEEKDAYS_ONLY"]  # noqa: N815
    sellingStrategy: Literal["ACCOUNT_BASED", "LEAD_BASED"]  # noqa: N815
    sendWindowStartMinute: int  # noqa: N815
    sendWindowEndMinute: int  # noqa: N815
    taskReminderMinute: int  # noqa: N815
    individualTaskRemindersEnabled: bool  # noqa: N815
    createdAt: datetime  # noqa: N815
    updatedAt: datetime  # noqa: N815


class PublicSequenceResponse(PublicSequenceLiteResponse):
    """A sequence with its newest version."""

    steps: list[PublicSequenceStepResponse]
    dependencies: list[PublicSequenceStepDependencyResponse]
    settings: PublicSequenceSettingsResponse


class PublicSequenceEnrollmentLiteResponse(_Shape):
    """An enrollment that was made."""

    id: TextId
    toEmail: str  # noqa: N815
    enrolledAt: datetime  # noqa: N815
    updatedAt: datetime  # noqa: N815


class PublicSequenceEnrollmentResponse(PublicSequenceEnrollmentLiteResponse):
    """The enrollment that a contact is in."""

    sequenceId: TextId  # noqa: N815
    sequenceName: str  # noqa: N815
    enrolledBy: TextId  # noqa: N815
    enrolledByEmail: str  # noqa: N815
