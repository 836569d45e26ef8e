"""Answers of IMAP in one way of writing, so that those of two servers can be compared.

Strings quoted (a literal too), flags, items of FETCH and STATUS sorted, human words left out, and the numbers that a
server chooses (UIDVALIDITY, MODSEQ, ids) under names, in the order in which it told them.
"""

from __future__ import annotations

import re
from typing import Final

Node = bytes | str | list["Node"]  # an atom, a string, a list

_ATOM: Final = re.compile(rb"[^ ()\r\n\"{]+(?:\[[^\]]*\](?:<[0-9]+>)?)?")
_LITERAL: Final = re.compile(rb"~?\{([0-9]+)\}\r\n")
_QUOTED: Final = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_CODED: Final = re.compile(
    rb"(?:\* |t[0-9]+ |idle )?(OK|NO|BAD|BYE|PREAUTH)(?: \[([^\]]*(?:\([^)]*\))?[^\]]*)\])?.*", re.DOTALL
)
_CHOSEN: Final = (
    ("v", re.compile(r"(?<=UIDVALIDITY )[0-9]+")),
    ("v", re.compile(r"(?<=APPENDUID )[0-9]+|(?<=COPYUID )[0-9]+")),
    ("m", re.compile(r"(?<=HIGHESTMODSEQ )[0-9]+|(?<=MODSEQ \()[0-9]+|(?<=MODSEQ )[0-9]+")),
    ("b", re.compile(r"(?<=MAILBOXID \()[^)]+")),
    ("e", re.compile(r"(?<=EMAILID \()[^)]+")),
    ("t", re.compile(r"(?<=THREADID \()[^)]+")),
)
_ENCODING: Final = re.compile(r'"(?:7bit|8bit|binary|base64|quoted-printable)"', re.IGNORECASE)
_SORTED_CODES: Final = ("PERMANENTFLAGS",)


class Written:
    """The names that one server's numbers have got."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], str] = {}
        self._values: dict[str, str] = {}

    def named(self, words: str) -> str:
        """Words of a command, the names in it as the server's numbers."""
        return re.sub(r"<([vmbet][0-9]+)>", lambda found: self._values.get(found[1], found[0]), words)

    def line(self, octets: bytes) -> str:
        text = _condition(octets) if _is_condition(octets) else _untagged(octets)
        text = _ENCODING.sub(lambda found: found[0].upper(), text)
        for kind, pattern in _CHOSEN:
            text = pattern.sub(lambda found, kind=kind: self._name(kind, found[0]), text)
        return text

    def _name(self, kind: str, value: str) -> str:
        if value == "0":
            return value
        if (kind, value) not in self._names:
            name = f"{kind}{sum(known == kind for known, _ in self._names) + 1}"
            self._names[kind, value] = name
            self._values[name] = value
        return f"<{self._names[kind, value]}>"


def _is_condition(octets: bytes) -> bool:
    return re.match(rb"(\*|t[0-9]+|idle) (OK|NO|BAD|BYE|PREAUTH)\b", octets) is not None


def _condition(octets: bytes) -> str:
    found = _CODED.fullmatch(octets)
    assert found is not None, octets
    before = "* " if octets.startswith(b"* ") else ""
    if found[2] is None:
        return before + found[1].decode()
    code = found[2].decode("ascii", "backslashreplace")
    if code.startswith(_SORTED_CODES):
        name, _, flags = code.partition(" ")
        code = f"{name} ({' '.join(sorted(flags.strip('()').split()))})"
    if code.startswith("CAPABILITY"):
        code = "CAPABILITY"
    return f"{before}{found[1].decode()} [{code}]"


def _untagged(octets: bytes) -> str:
    nodes = _parsed(octets, [0])
    words = [node for node in nodes if isinstance(node, bytes)]
    kind = words[1].upper() if len(words) > 1 else b""
    if kind == b"FLAGS":
        nodes[2] = _sorted(nodes[2])
    elif kind in (b"LIST", b"LSUB"):
        nodes[2] = _sorted(nodes[2])
        nodes[3:] = map(_named, nodes[3:])
    elif kind == b"STATUS":
        nodes[2] = _named(nodes[2])
        nodes[3] = _pairs(nodes[3])
    elif len(words) > 2 and words[2].upper() == b"FETCH":
        nodes[3] = _pairs(nodes[3])
    return _shown(nodes)[1:-1]


def _named(node: Node) -> Node:
    """The name of a mailbox, always a string."""
    return node.decode() if isinstance(node, bytes) and node != b"NIL" else node


def _sorted(node: Node) -> Node:
    return sorted(node, key=_shown) if isinstance(node, list) else node


def _pairs(node: Node) -> Node:
    """Items with their values, in the order of their names; flags sorted."""
    if not isinstance(node, list) or len(node) % 2:
        return node
    pairs = [(node[at], node[at + 1]) for at in range(0, len(node), 2)]
    pairs = [(name, _sorted(value) if name == b"FLAGS" else value) for name, value in pairs]
    written: list[tuple[Node, Node]] = []
    for name, value in pairs:
        if name == b"INTERNALDATE" and isinstance(value, str):
            value = value.replace(" ", "0", 1) if value.startswith(" ") else value  # noqa: PLW2901
        written.append((_section(name), value))
    return [one for pair in sorted(written, key=lambda pair: _shown(pair[0])) for one in pair]


def _section(name: Node) -> Node:
    """Field names in capitals and bare, as they may be written either way."""
    return name.upper().replace(b'"', b"") if isinstance(name, bytes) else name


def _parsed(octets: bytes, at: list[int]) -> list[Node]:
    nodes: list[Node] = []
    while at[0] < len(octets):
        here = octets[at[0] : at[0] + 1]
        if here == b")":
            at[0] += 1
            return nodes
        if here == b"(":
            at[0] += 1
            nodes.append(_parsed(octets, at))
        elif literal := _LITERAL.match(octets, at[0]):
            end = literal.end() + int(literal[1])
            nodes.append(octets[literal.end() : end].decode("latin-1"))
            at[0] = end
        elif quoted := _QUOTED.match(octets, at[0]):
            nodes.append(re.sub(rb"\\(.)", rb"\1", quoted[1], flags=re.DOTALL).decode("latin-1"))
            at[0] = quoted.end()
        elif atom := _ATOM.match(octets, at[0]):
            nodes.append(atom[0])
            at[0] = atom.end()
        else:
            at[0] += 1
    return nodes


def _shown(node: Node) -> str:
    if isinstance(node, list):
        return "(" + " ".join(map(_shown, node)) + ")"
    if isinstance(node, bytes):
        return node.decode("ascii", "backslashreplace")
    return '"' + node.encode("unicode_escape").decode().replace('"', '\\"') + '"'
