"""The invented world of the demo: four providers with different tempers, and who lives there, made from a seed.

Pure: the same seed and number give the same world. lab/world.py and lab/demo.py call it. Shares are of the people of
one provider; the first `veterans` people also get the first campaign, so their fates differ by chapter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from random import Random
from typing import Final

from lab.description import Fate, Full, Host, Person, Style, Temper, World

DISTRUSTED: Final = "127.0.0.12"  # the source address that some filters of telepost refuse

HOSTS: Final = (
    Host("mx.northpost.test", "127.0.1.1", ("northpost.test",), Temper(Style.POSTFIX, full=Full.DEFERS)),
    Host("mx.gruenmail.test", "127.0.1.2", ("gruenmail.test",), Temper(Style.EXIM, greylist=1, full=Full.REFUSES)),
    Host(
        "mail.officebox.test",
        "127.0.1.3",
        ("officebox.test",),
        Temper(Style.EXCHANGE, late=True, full=Full.REPORTS),
    ),
    Host(
        "mx.telepost.test",
        "127.0.1.4",
        ("telepost.test",),
        Temper(
            Style.CARRIER,
            starttls=False,
            busy=7,
            batch=60,
            full=Full.REFUSES,
            distrusts=DISTRUSTED,
            redacts=True,
        ),
    ),
)

# Fates of the veterans (first and second campaign) and of the newcomers (second only), with their shares.
_VETERANS: Final[Mapping[tuple[Fate, Fate], float]] = {
    (Fate.UNKNOWN, Fate.UNKNOWN): 0.06,
    (Fate.FULL, Fate.FULL): 0.03,
    (Fate.FULL, Fate.ANSWERS): 0.04,
    (Fate.SUSPENDED, Fate.WRITES): 0.02,
    (Fate.COMPLAINS, Fate.READS): 0.01,
    (Fate.ANSWERS, Fate.READS): 0.03,
    (Fate.AWAY, Fate.READS): 0.02,
}
_NEWCOMERS: Final[Mapping[tuple[Fate, Fate], float]] = {
    (Fate.READS, Fate.UNKNOWN): 0.05,
    (Fate.READS, Fate.SUSPENDED): 0.01,
    (Fate.READS, Fate.FULL): 0.03,
    (Fate.READS, Fate.DELAYED): 0.01,
    (Fate.READS, Fate.COMPLAINS): 0.005,
    (Fate.READS, Fate.ANSWERS): 0.04,
    (Fate.READS, Fate.AWAY): 0.02,
}
_WARY: Final = 0.02  # of the newcomers of a host that distrusts a source

# fmt: off
_FIRST: Final = (
    "Ada", "Bruno", "Chiara", "Daan", "Edda", "Femke", "Goran", "Hanna", "Ivo", "Jana", "Kaspar",
    "Lotte", "Milan", "Nora", "Otto", "Pia", "Quirin", "Rosa", "Sven", "Tilda", "Ulla", "Vera", "Wim",
    "Xenia", "Yara", "Zeno",
)
_LAST: Final = (
    "Abend", "Birk", "Castell", "Dorn", "Eklund", "Ferro", "Grau", "Holm", "Iversen", "Juhl", "Krantz",
    "Lund", "Moser", "Nyberg", "Oster", "Palm", "Quist", "Rosner", "Sand", "Thal", "Ulmer", "Vogt",
    "Winter", "Zander",
)
# fmt: on


def invented(clients: int, seed: int, veterans: int) -> World:
    """A world of that many people, spread evenly over the hosts; the first `veterans` have a history."""
    chance = Random(seed)
    names = _names(chance)
    domains = [host.domains[0] for host in HOSTS]
    people = []
    for at in range(clients):
        name = next(names)
        domain = domains[at % len(domains)]
        people.append(Person(f"{_local(name, at)}@{domain}", name))
    return World(seed, HOSTS, tuple(_with_fates(people, veterans, chance)))


def _names(chance: Random) -> Iterator[str]:
    while True:
        yield f"{chance.choice(_FIRST)} {chance.choice(_LAST)}"


def _local(name: str, at: int) -> str:
    """A local part as people choose them, made unique by a number."""
    first, last = name.lower().split()
    return (f"{first}.{last}{at}", f"{first[0]}{last}{at}", f"{last}_{first}{at}")[at % 3]


def _with_fates(people: list[Person], veterans: int, chance: Random) -> Iterator[Person]:
    """Deal the fates: exact numbers for each host and group, to people drawn by chance."""
    dealt: dict[str, tuple[Fate, ...]] = {}
    for host in HOSTS:
        for group, shares in ((people[:veterans], _VETERANS), (people[veterans:], _NEWCOMERS)):
            living = [one for one in group if one.address.endswith("@" + host.domains[0])]
            chance.shuffle(living)
            wary = {(Fate.READS, Fate.WARY): _WARY} if host.temper.distrusts and shares is _NEWCOMERS else {}
            _deal(living, {**shares, **wary}, dealt)
    for one in people:
        yield replace(one, fates=dealt.get(one.address, one.fates))


def _deal(living: list[Person], shares: Mapping[tuple[Fate, Fate], float], dealt: dict[str, tuple[Fate, ...]]) -> None:
    """Give each fate to its share of these people, at least to one where there are enough of them."""
    size, at = len(living), 0
    for fates, share in shares.items():
        many = max(round(size * share), 1 if size > len(shares) + 2 else 0)
        for one in living[at : at + many]:
            dealt[one.address] = fates
        at += many
