"""How a command is declared: it names its own arguments and options; --project, --dir and --json come with it.

    @command(app, "list")
    def list_domains(call: Call) -> None:
        call.show(domains.page(call.office, call.project, window).items)

An argument whose type is a dataclass stands for the options that its fields declare, so that two commands share them.
typer reads the options off the signature, so the command that it gets has those of such a dataclass behind its own, and
behind them these three.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Annotated, Any, Concatenate, ParamSpec, get_type_hints

import typer

from admin.cli import showing
from admin.cli.opening import HERE, Folder, opened
from admin.office import Office

if TYPE_CHECKING:
    from admin.acts.pages import Page, Window

P = ParamSpec("P")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_ProjectName = Annotated[str | None, typer.Option("--project", help="The project; not needed where there is only one.")]


@dataclass(frozen=True, slots=True)
class Call:
    """A command that was called: on which office, about the project of which name, and who reads its answer."""

    office: Office
    project_name: str | None
    as_json: bool

    @property
    def project(self) -> int:
        """Of that name, or the only one. Raises RefusedError."""
        return _project(self.office, self.project_name)

    @property
    def scope(self) -> int | None:
        """Of that name; without a name all of them. Raises RefusedError."""
        return None if self.project_name is None else self.project

    def show(self, rows: Sequence[Any]) -> None:
        showing.show(rows, self.as_json)

    def show_one(self, row: Any) -> None:
        showing.show_one(row, self.as_json)

    def show_all(self, page: Callable[[Window], Page[Any]]) -> None:
        """Every page, one behind the other."""
        from admin.acts.pages import every

        self.show(every(page))


_Command = Callable[Concatenate[Call, P], None]


def command(
    app: typer.Typer, name: str, words: str | None = None, *, project: bool = True, json: bool = True
) -> Callable[[_Command[P]], _Command[P]]:
    """`words`: of its --help, if not its docstring; `project` and `json`: whether it has these options."""
    shared = [
        *([Parameter("project", Parameter.KEYWORD_ONLY, default=None, annotation=_ProjectName)] if project else []),
        Parameter("folder", Parameter.KEYWORD_ONLY, default=HERE, annotation=Folder),
        *([Parameter("as_json", Parameter.KEYWORD_ONLY, default=False, annotation=AsJson)] if json else []),
    ]

    def declare(act: _Command[P]) -> _Command[P]:
        app.command(name, help=words)(_with_options(act, shared))
        return act

    return declare


def _with_options(act: Callable[..., None], shared: Sequence[Parameter]) -> Callable[..., None]:
    _, *own = signature(act, eval_str=True).parameters.values()
    kinds = {one.name: one.annotation for one in own if isinstance(one.annotation, type)}
    groups = {name: kind for name, kind in kinds.items() if is_dataclass(kind)}

    @wraps(act)
    def called(**given: Any) -> None:
        of = {one.name: given.pop(one.name) for one in shared}
        for name, group in groups.items():
            given[name] = group(**{one.name: given.pop(one.name) for one in fields(group)})
        with opened(of["folder"]) as office:
            act(Call(office, of.get("project"), of.get("as_json", False)), **given)

    grouped = [option for group in groups.values() for option in _options(group)]
    vars(called)["__signature__"] = Signature([*(one for one in own if one.name not in groups), *grouped, *shared])
    return called


def _options(group: Any) -> Iterator[Parameter]:
    """One for each field of a dataclass."""
    kinds = get_type_hints(group, include_extras=True)
    for one in fields(group):
        default = Parameter.empty if one.default is MISSING else one.default
        yield Parameter(one.name, Parameter.KEYWORD_ONLY, default=default, annotation=kinds[one.name])


def _project(office: Office, name: str | None) -> int:
    """Raises RefusedError."""
    from admin.acts import projects
    from admin.acts.pages import Window
    from admin.refusals import InvalidError

    if name is not None:
        return _about(office, projects.by_name(office, name).id)
    found = projects.page(office, Window(limit=2)).items
    if len(found) != 1:
        raise InvalidError("there is more than one project; name it with --project" if found else "there is no project")
    return _about(office, found[0].id)


def _about(office: Office, project: int) -> int:
    """Told to the audit trail."""
    from admin.cli.trail import Watched

    if isinstance(office, Watched):
        office.trail.project = project
    return project
