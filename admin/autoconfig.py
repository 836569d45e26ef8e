"""What mail programs and hosts ask about a domain of ours before they know anything: its servers, its MTA-STS policy.

Open to everybody, so it tells what is true of the domain and never whether a mailbox is there; a domain that no
project has proved to own is 404. GET reads the domain from the address that is asked for, else from the host name
(`autoconfig.`, `autodiscover.` and `mta-sts.` in front of it). Outlook's POST is XML from strangers: small, without a
document type, and read for one address alone.
"""

from __future__ import annotations

import re
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from admin.api.doors import TheOffice
from admin.office import Office
from admin.refusals import InvalidError, NotFoundError
from mail.address import Address, parse_mailbox
from policy import mail_programs
from policy.mail_programs import Servers
from store import domains
from store.domains import Domain

router = APIRouter(tags=["autoconfig"], include_in_schema=False)

_MOST: Final = 16 * 1024  # octets of a request; Outlook's has 400
_AGE: Final = 604_800  # seconds that hosts keep our MTA-STS policy
_PREFIX: Final = re.compile(r"(?:autoconfig|autodiscover|mta-sts)\.")
_ADDRESS: Final = re.compile(r"<(?:[A-Za-z0-9]{1,20}:)?EMailAddress>\s{0,20}([^<>&\s]{3,320})\s{0,20}</")
_XML: Final = "application/xml; charset=utf-8"
_KEPT: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

AskedAddress = Annotated[str | None, Query(alias="emailaddress", max_length=320)]


@router.get("/.well-known/autoconfig/mail/config-v1.1.xml")
@router.get("/mail/config-v1.1.xml")
def mozilla(request: Request, office: TheOffice, address: AskedAddress = None) -> Response:
    domain = _of_address(office, address)[1] if address else _of_host(office, request)
    return Response(mail_programs.mozilla(domain.name, servers_of(office)), media_type=_XML, headers=_KEPT)


@router.post("/autodiscover/autodiscover.xml")
@router.post("/Autodiscover/Autodiscover.xml")
async def outlook(request: Request, office: TheOffice) -> Response:
    octets = await _body(request)
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidError("the request is not UTF-8") from error
    if "<!" in text:
        raise InvalidError("the request has a document type, a comment or CDATA: none is needed to ask for an address")
    asked = _ADDRESS.search(text)
    if asked is None or mail_programs.OUTLOOK not in text:
        raise InvalidError("ask for an EMailAddress in the Outlook response schema 2006a")
    address, _ = _of_address(office, asked[1])
    return Response(mail_programs.outlook(str(address), servers_of(office)), media_type=_XML, headers=_KEPT)


@router.get("/autodiscover/autodiscover.json")
@router.get("/autodiscover/autodiscover.json/v1.0/{address}")
def outlook_json(
    request: Request,
    office: TheOffice,
    address: str | None = None,
    asked: Annotated[str | None, Query(alias="Email", max_length=320)] = None,
    protocol: Annotated[str, Query(alias="Protocol", max_length=40)] = "AutodiscoverV1",
) -> JSONResponse:
    """Version 2 of autodiscover: where version 1 is."""
    domain = _of_address(office, address or asked or "")[1]
    if protocol.lower() != "autodiscoverv1":
        words = {"ErrorCode": "ProtocolNotSupported", "ErrorMessage": "AutodiscoverV1 alone is spoken here"}
        return JSONResponse(words, 400, _KEPT)
    url = f"https://autodiscover.{domain.name}/autodiscover/autodiscover.xml"
    return JSONResponse({"Protocol": "AutodiscoverV1", "Url": url}, headers=_KEPT)


@router.get("/apple/{address}.mobileconfig")
def apple(address: str, office: TheOffice) -> Response:
    asked, domain = _of_address(office, address)
    profile = mail_programs.apple(str(asked), domain.name, servers_of(office))
    named = {"Content-Disposition": f'attachment; filename="{domain.name}.mobileconfig"'}
    return Response(profile, media_type="application/x-apple-aspen-config", headers=_KEPT | named)


@router.get("/.well-known/mta-sts.txt")
def mta_sts(request: Request, office: TheOffice) -> PlainTextResponse:
    """RFC 8461 §3.2, for a domain whose mail comes here."""
    domain = _of_host(office, request)
    if not domain.linked:
        raise NotFoundError(f"mail of {domain.name} does not come here")
    lines = ("version: STSv1", "mode: testing", f"mx: {office.hostname}", f"max_age: {_AGE}", "")
    return PlainTextResponse("\r\n".join(lines), headers=_KEPT)


def servers_of(office: Office) -> Servers:
    """The ports of the settings where they are set, else those that everybody expects."""
    imap, submission = office.settings.imap, office.settings.submission
    return Servers(
        office.hostname, imap.tls_port or 993, imap.port or 143, submission.tls_port or 465, submission.port or 587
    )  # fmt: skip


def _of_address(office: Office, text: str) -> tuple[Address, Domain]:
    try:
        address = parse_mailbox(text)
    except ValueError as error:
        raise InvalidError("this is no address") from error
    return address, _domain(office, address.ascii_domain)


def _of_host(office: Office, request: Request) -> Domain:
    host = re.sub(r":\d{1,5}$", "", request.headers.get("host", "")[:260]).lower().rstrip(".")
    return _domain(office, _PREFIX.sub("", host, count=1))


def _domain(office: Office, name: str) -> Domain:
    with office.read() as connection:
        found = domains.find(connection, name)
    if found is None or not found.owned:
        raise NotFoundError("this domain has no mailboxes here")
    return found


async def _body(request: Request) -> bytes:
    """At most _MOST octets."""
    octets = bytearray()
    async for piece in request.stream():
        octets += piece
        if len(octets) > _MOST:
            raise InvalidError(f"the request is larger than {_MOST} octets")
    return bytes(octets)
