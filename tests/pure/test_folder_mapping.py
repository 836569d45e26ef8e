"""Which folder here a folder of another server becomes."""

from __future__ import annotations

from policy.folder_mapping import Elsewhere, mapped

USES = {"\\Sent": "Sent", "\\Drafts": "Drafts", "\\Junk": "Junk", "\\Trash": "Trash", "\\Archive": "Archive"}


def names(*found: tuple[str, str, str], prefix: str = "") -> dict[str, str | None]:
    """Of (name, delimiter, attributes)."""
    folders = [Elsewhere(name, delimiter, frozenset(attributes.split())) for name, delimiter, attributes in found]
    return {one.name: one.here for one in mapped(folders, prefix, USES)}


def test_special_uses_win_over_names_and_take_their_children_along() -> None:
    told = names(
        ("INBOX", ".", ""), ("INBOX.Sent Items", ".", "\\sent"), ("INBOX.Sent Items.2024", ".", ""),
        ("INBOX.Sent", ".", ""), ("INBOX.a.b", ".", ""), prefix="INBOX.",
    )  # fmt: skip
    assert told == {
        "INBOX": "INBOX", "INBOX.Sent": "Sent 2", "INBOX.Sent Items": "Sent",
        "INBOX.Sent Items.2024": "Sent/2024", "INBOX.a.b": "a/b",
    }  # fmt: skip


def test_without_special_uses_the_usual_names_are_known() -> None:
    told = names(("Inbox", "/", ""), ("Deleted Items", "/", ""), ("Junk E-mail", "/", ""), ("Work/Trash", "/", ""))
    assert told == {"Inbox": "INBOX", "Deleted Items": "Trash", "Junk E-mail": "Junk", "Work/Trash": "Work/Trash"}


def test_views_and_names_without_mails_are_left_out() -> None:
    told = names(
        ("[Gmail]", "/", "\\noselect"), ("[Gmail]/All Mail", "/", "\\all"), ("[Gmail]/Sent Mail", "/", "\\sent"),
        ("[Gmail]/Starred", "/", "\\flagged"),
    )  # fmt: skip
    assert told == {
        "[Gmail]": None, "[Gmail]/All Mail": None, "[Gmail]/Sent Mail": "Sent", "[Gmail]/Starred": None,
    }  # fmt: skip


def test_what_our_names_cannot_hold_becomes_another_name_once() -> None:
    told = names(("a/b", ".", ""), ("a_b", ".", ""), ("x%*\\\n", ".", ""), ("No levels", "", ""))
    assert told == {"a/b": "a_b", "a_b": "a_b 2", "x%*\\\n": "x____", "No levels": "No levels"}
