"""Mails into threads: ORDEREDSUBJECT and REFERENCES (RFC 5256 §3), and a forest as THREAD writes it (§4).

Pure. Called by imap/commands/threading. Linear but for the sorts, and nothing recurses: a chain of answers may be as
long as the folder. References make no loop: a link that would close one is left out, and so is one below DEPTH others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from mail.sort_keys import SortKeys

DEPTH: Final = 500


@dataclass(frozen=True, slots=True)
class Threaded:
    """`number`: what THREAD tells of it. `sent`: of its Date field, else its INTERNALDATE."""

    number: int
    sent: int
    keys: SortKeys


@dataclass(slots=True, eq=False)
class Node:
    """`mail` None: a mail that others refer to and that is not here, or what joins threads of one subject."""

    mail: Threaded | None
    parent: Node | None = None
    children: dict[Node, None] = field(default_factory=dict)  # in their order

    def leave(self) -> None:
        if self.parent is not None:
            del self.parent.children[self]
        self.parent = None

    def adopt(self, child: Node) -> None:
        child.leave()
        child.parent = self
        self.children[child] = None

    def may_adopt(self, child: Node) -> bool:
        """Whether it is neither `child` nor under it, as far as DEPTH steps up tell."""
        node: Node | None = self
        for _ in range(DEPTH):
            if node is None:
                return True
            if node is child:
                return False
            node = node.parent
        return node is None


def by_subject(mails: Iterable[Threaded]) -> list[Node]:
    """ORDEREDSUBJECT: one thread for each base subject, the oldest mail above all others."""
    threads: dict[str, Node] = {}
    for mail in sorted(mails, key=_sent):
        first = threads.get(mail.keys.subject)
        if first is None:
            threads[mail.keys.subject] = Node(mail)
        else:
            first.adopt(Node(mail))
    return list(threads.values())


def by_references(mails: Sequence[Threaded]) -> list[Node]:
    """REFERENCES. `mails` in the order of their numbers."""
    top = _pruned(_linked(mails))
    _order(top)
    top = _joined(top)
    _order(top)
    return top


def written(threads: Iterable[Node]) -> Iterator[bytes]:
    """`(2)(3 6 (4 23)(44 7 96))`, a piece for each thread."""
    for thread in threads:
        words: list[bytes] = []
        waiting: list[Node | bytes] = [b")", thread, b"("]
        while waiting:
            one = waiting.pop()
            if isinstance(one, bytes):
                words.append(one)
                continue
            if one.mail is not None:
                blank = b"" if words[-1] in (b"(", b")") else b" "
                words.append(b"%b%d" % (blank, one.mail.number))
            if len(one.children) == 1 and one.mail is not None:
                waiting.extend(one.children)
                continue
            if one.children and one.mail is not None:
                words.append(b" ")
            for child in reversed(list(one.children)):
                waiting += (b")", child, b"(")
        yield b"".join(words)


def _sent(mail: Threaded) -> tuple[int, int]:
    return mail.sent, mail.number


# --- REFERENCES, step by step ---------------------------------------------------------------------------------


def _linked(mails: Sequence[Threaded]) -> list[Node]:
    """Steps 1 and 2: who answers whom, by ids; all nodes that answer nobody."""
    nodes: dict[str, Node] = {}
    every: list[Node] = []

    def node_of(identity: str) -> Node:
        if identity not in nodes:
            nodes[identity] = Node(None)
            every.append(nodes[identity])
        return nodes[identity]

    for mail in mails:
        node = node_of(mail.keys.message_id) if mail.keys.message_id else None
        if node is None or node.mail is not None:  # no id, or one that another mail has too
            node = Node(None)
            every.append(node)
        node.mail = mail
        above: Node | None = None
        for identity in mail.keys.references:
            one = node_of(identity)
            if above is not None and one.parent is None and above.may_adopt(one):
                above.adopt(one)
            above = one
        if above is None or above is not node.parent:
            node.leave()  # its own References know better than those of others, also where it has none
            if above is not None and above.may_adopt(node):
                above.adopt(node)
    return [node for node in every if node.parent is None]


def _pruned(top: list[Node]) -> list[Node]:
    """Step 3: nodes without a mail go, their children take their place; at the top only where there is one child."""
    for node in _deepest_first(top):
        kept = [
            grandchild
            for child in node.children
            for grandchild in ([child] if child.mail is not None else child.children)
        ]
        for child in kept:
            child.parent = node
        node.children = dict.fromkeys(kept)
    threads: list[Node] = []
    for node in top:
        if node.mail is not None or len(node.children) > 1:
            threads.append(node)
        elif node.children:
            (only,) = node.children
            only.parent = None
            threads.append(only)
    return threads


def _deepest_first(top: Iterable[Node]) -> Iterator[Node]:
    order: list[Node] = []
    waiting = list(top)
    while waiting:
        node = waiting.pop()
        order.append(node)
        waiting.extend(node.children)
    return reversed(order)


def _order(top: list[Node]) -> None:
    """Steps 4 and 6: siblings by date, a node without a mail by that of its first child."""
    for node in _deepest_first(top):
        if len(node.children) > 1:
            node.children = dict.fromkeys(sorted(node.children, key=_date))
    top.sort(key=_date)


def _date(node: Node) -> tuple[int, int]:
    first = _first(node)
    return (0, 0) if first is None else _sent(first)


def _first(node: Node) -> Threaded | None:
    """Its mail, or that of its first child: after the pruning, a child of a node without a mail has one."""
    while node.mail is None and node.children:
        node = next(iter(node.children))
    return node.mail


def _joined(top: list[Node]) -> list[Node]:
    """Step 5: threads of one subject become one."""
    of_subject = _subjects(top)
    gone: set[int] = set()
    made: dict[int, Node] = {}
    for node in top:
        subject = _subject(node)
        other = of_subject.get(subject)
        if not subject or other is None or other is node:
            continue
        gone.add(id(node))
        if node.mail is None and other.mail is None:
            for child in list(node.children):
                other.adopt(child)
        elif other.mail is None or (_answers(node) and not _answers(other)):
            other.adopt(node)
        else:
            both = Node(None)
            made[id(other)] = both
            both.adopt(other)
            both.adopt(node)
            of_subject[subject] = both
    return [made.get(id(node), node) for node in top if id(node) not in gone]


def _subjects(top: Iterable[Node]) -> dict[str, Node]:
    """Which thread others of its subject join: one without a mail, else one that is no answer, else the first."""
    found: dict[str, Node] = {}
    for node in top:
        subject = _subject(node)
        if not subject:
            continue
        before = found.get(subject)
        if before is None or _is_better(node, before):
            found[subject] = node
    return found


def _is_better(node: Node, before: Node) -> bool:
    if before.mail is None:
        return False
    return node.mail is None or (_answers(before) and not _answers(node))


def _subject(node: Node) -> str:
    first = _first(node)
    return first.keys.subject if first is not None else ""


def _answers(node: Node) -> bool:
    first = _first(node)
    return first is not None and first.keys.answers
