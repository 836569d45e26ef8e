"""What a campaign shall be, all that can be said of it before it is saved, and how many it would reach (PRODUCT K1-K3).

Called by admin/acts/campaigns.py and whoever makes a draft. Raises InvalidError naming the part, NotFoundError for
another project's list or segment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from admin.acts import campaign_sending
from admin.acts import lists as acts_lists
from admin.acts import segments as acts_segments
from admin.acts.attachments import check_attachments
from admin.office import Office
from admin.refusals import InvalidError
from mail import header
from mail.attachment import carried
from mail.template import compile_template
from store import segments
from store.campaign_content import Content
from store.campaigns import Sending
from store.segment_query import Size

_NAME_LIMIT: Final = 200
_SUBJECT_LIMIT: Final = 900
_AS_USUAL: Final = Sending()


@dataclass(frozen=True, slots=True)
class Draft:
    """What is asked for: to a list (None: to the project's clients), or those of them whom `segment` means; `pool`
    names the egress sources."""

    name: str
    sender: int
    list: int | None
    pool: str
    content: Content
    sending: Sending = _AS_USUAL
    segment: int | None = None


def reach(office: Office, project: int, chosen: int | None, segment: int | None, *, exact: bool) -> Size:
    """How many clients a list (None: the project) and a segment mean: about so many at once, or counted one by one."""
    _check_chosen(office, project, chosen, segment)
    if exact and chosen is None and segment is not None:
        return acts_segments.count(office, project, segment)
    with office.read() as connection:
        if exact:
            return Size(sum(segments.ratings_of(connection, project, chosen, segment).values()), exact=True)
        return segments.size_of(connection, project, chosen, segment)


def check(office: Office, project: int, draft: Draft) -> None:
    """All that can be said of a draft before it is saved, but for its sender."""
    _check_name(draft.name.strip())
    _check_content(draft.content)
    campaign_sending.check(draft.sending)
    _check_chosen(office, project, draft.list, draft.segment)


def _check_name(name: str) -> None:
    if not name or len(name) > _NAME_LIMIT or not name.isprintable():
        raise InvalidError(f"campaign name: 1 to {_NAME_LIMIT} printable characters")


def _check_chosen(office: Office, project: int, chosen: int | None, segment: int | None) -> None:
    if chosen is not None:
        acts_lists.get(office, project, chosen)
    if segment is not None:
        acts_segments.get_rule(office, project, segment)


def _check_content(content: Content) -> None:
    if not content.subject.strip() or len(content.subject) > _SUBJECT_LIMIT:
        raise InvalidError(f"subject: 1 to {_SUBJECT_LIMIT} characters")
    check_attachments(content.attachments)
    try:
        header.refuse("subject", content.subject)
        for what, source in (("subject", content.subject), ("html", content.html), ("text", content.text or "")):
            _compiles(what, source)
        for one in content.attachments:
            carried(one)
    except ValueError as error:
        raise InvalidError(str(error)) from error


def _compiles(what: str, source: str) -> None:
    try:
        compile_template(source)
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from error
