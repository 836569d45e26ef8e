"""What a look at a domain's records found, in lines that a person reads and pastes from: letters and the command line.

Pure. admin/templates/domain.html is the same as a page.
"""

from __future__ import annotations

from admin.pages.catalogue import Words
from policy.domain_verdict import OK, UNKNOWN, Finding


def finding_lines(words: Words, found: Finding) -> list[str]:
    """One where the record is well or no name server told; else what is wrong, and the record to publish."""
    about = words.plain(f"domains.about.{found.about}")
    if found.mistake == OK:
        return [f"{about}: {words.plain('yes')}"]
    told = [f"{about}: {words.plain(f'domains.mistake.{found.mistake}', **found.numbers)}"]
    if found.mistake != UNKNOWN:
        told.append(f"  {found.paste.host} {found.paste.type} {found.paste.value}")
    return told
