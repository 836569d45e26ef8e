"""What a Maildir says in names: flags, sizes and folders (Maildir++ as Dovecot and Courier have it), and keywords.

Pure; admin reads and writes the files. A mail of CRLF lines lies there with LF, any other as it is; `W=` in its name is
the size with CRLF, so a file that has exactly that size is taken as it is. Folder names are in modified UTF-7 behind
dots, and a dot inside of a name is `\\2e`, as Dovecot's listescape has it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from mail import mutf7

KEYWORDS_FILE: Final = "dovecot-keywords"
KEYWORDS: Final = 26  # that a name has letters for
_LETTERS: Final = {
    "D": "\\Draft", "F": "\\Flagged", "P": "$Forwarded", "R": "\\Answered", "S": "\\Seen", "T": "\\Deleted",
}  # fmt: skip
_BY_FLAG: Final = {flag.lower(): letter for letter, flag in _LETTERS.items()}
_CRLF_SIZE: Final = re.compile(r",W=(\d{1,12})(?=[,:]|$)")


def flags_of(name: str, keywords: Sequence[str]) -> tuple[str, ...]:
    """Of a file in `cur`; `keywords` are the folder's, by their number."""
    found: list[str] = []
    for letter in dict.fromkeys(name.rpartition(":2,")[2] if ":2," in name else ""):
        number = ord(letter) - ord("a")
        if letter in _LETTERS:
            found.append(_LETTERS[letter])
        elif 0 <= number < min(len(keywords), KEYWORDS) and keywords[number]:
            found.append(keywords[number])
    return tuple(found)


def letters_of(flags: Sequence[str], numbers: Mapping[str, int]) -> str:
    """The end of a name, sorted; keywords without a number below KEYWORDS have no letter."""
    letters = [_BY_FLAG[flag.lower()] for flag in flags if flag.lower() in _BY_FLAG]
    letters += [chr(ord("a") + numbers[flag]) for flag in flags if numbers.get(flag, KEYWORDS) < KEYWORDS]
    return "".join(sorted(letters))


def is_keyword(flag: str) -> bool:
    """Whether it needs a number."""
    return flag.lower() not in _BY_FLAG


def keywords_of(text: str) -> list[str]:
    """By number, from the lines `0 name` of the file KEYWORDS_FILE; empty where a number is missing."""
    named: dict[int, str] = {}
    for line in text.splitlines():
        number, _, name = line.partition(" ")
        if number.isascii() and number.isdigit() and int(number[:4]) < KEYWORDS and name.strip():
            named[int(number[:4])] = name.strip()
    return [named.get(number, "") for number in range(max(named, default=-1) + 1)]


def keywords_text(numbers: Mapping[str, int]) -> str:
    return "".join(f"{number} {name}\n" for name, number in numbers.items())


def octets_of(content: bytes, name: str) -> bytes:
    """The mail in a file of that name."""
    told = _CRLF_SIZE.search(name)
    as_it_is = b"\r\n" in content if told is None else int(told[1]) == len(content)
    return content if as_it_is else content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def content_of(octets: bytes) -> bytes:
    """What the file holds; `octets_of` gives it back where the name has `W=` and the size of `octets`."""
    pairs = octets.count(b"\r\n")
    only_crlf = octets.count(b"\n") == pairs == octets.count(b"\r")
    return octets.replace(b"\r\n", b"\n") if only_crlf else octets


def folder_of(directory: str, separator: str) -> str:
    """The name of the folder in `.A.B`; what is no modified UTF-7 is taken as it stands."""
    return separator.join(_level(piece) for piece in directory.removeprefix(".").split("."))


def directory_of(folder: str, separator: str) -> str:
    pieces = (piece.replace(".", "\\2e") for piece in folder.split(separator))
    return "." + mutf7.encode(".".join(pieces)).decode()


def _level(piece: str) -> str:
    try:
        return mutf7.decode(piece.encode("ascii")).replace("\\2e", ".")
    except ValueError:
        return piece
