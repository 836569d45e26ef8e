"""What the dashboards show: rows of panels, each a question in PromQL with a legend. Pure; made.py makes the files.

Where nothing may have happened yet a sum ends in `or vector(0)`, and a share is divided by at least a little, so that
every question has a number as its answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_W: Final = "$__rate_interval"


@dataclass(frozen=True)
class Query:
    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """`kind`: a Grafana panel, "timeseries" or "stat"; `unit` as Grafana calls it."""

    title: str
    queries: tuple[Query, ...]
    unit: str = "short"
    kind: str = "timeseries"


@dataclass(frozen=True)
class Dashboard:
    uid: str
    title: str
    panels: tuple[Panel, ...]


def rate(metric: str, by: str = "", **labels: str) -> str:
    """Events a second; without `by` always one number."""
    chosen = "{" + ",".join(f'{name}=~"{value}"' for name, value in labels.items()) + "}" if labels else ""
    inner = f"(rate({metric}{chosen}[{_W}]))"
    return f"sum by ({by}) {inner}" if by else f"(sum{inner} or vector(0))"


def quantile(part: float, histogram: str) -> str:
    return f"histogram_quantile({part}, sum by (le) (rate({histogram}_bucket[{_W}])))"


def mean(histogram: str, by: str) -> str:
    """Of what happened at all in the time."""
    return f"{rate(histogram + '_sum', by)} / ({rate(histogram + '_count', by)} > 0)"


def share(part: str, whole: str) -> str:
    return f"{part} / clamp_min({whole}, 1e-9)"


def _one(title: str, expr: str, unit: str = "short", legend: str = "", kind: str = "timeseries") -> Panel:
    return Panel(title, (Query(expr, legend),), unit, kind)


def _stat(title: str, expr: str, unit: str = "short") -> Panel:
    return _one(title, expr, unit, kind="stat")


def _p50_p95(title: str, histogram: str) -> Panel:
    return Panel(title, (Query(quantile(0.5, histogram), "half"), Query(quantile(0.95, histogram), "95 %")), "s")


_ATTEMPTS: Final = "mailloft_attempts_total"

OVERVIEW: Final = Dashboard("mailloft-overview", "Mailloft: overview", (
    _stat("Processes that answer", 'sum(up{job="mailloft"})'),
    _stat("Wrong, says the doctor", 'sum(mailloft_doctor_findings{verdict="wrong"})'),
    _stat("Warnings of the doctor", 'sum(mailloft_doctor_findings{verdict="warning"})'),
    _stat("Since the last backup", "time() - max(mailloft_backup_timestamp_seconds)", "s"),
    _stat("Until a certificate ends", "min((mailloft_certificate_expires_timestamp_seconds > 0) - time())", "s"),
    _stat("Version", "max by (version) (mailloft_build_info)"),
    Panel("Mail a second", (
        Query(rate("mailloft_settled_total", event="deliver"), "delivered"),
        Query(rate("mailloft_smtp_accepted_total", listener="mx"), "came in"),
        Query(rate("mailloft_smtp_accepted_total", listener="submission.*"), "submitted"),
    )),
    _one("Waiting mail", "max by (class) (mailloft_queue_rows)", legend="{{class}}"),
    _one("Oldest due mail", "max by (class) (mailloft_queue_oldest_seconds)", "s", "{{class}}"),
    _one("Room on disk", "min by (place) (mailloft_disk_free_bytes / mailloft_disk_size_bytes)", "percentunit",
         "{{place}}"),
    _one("Longest transaction under way", "max by (database) (mailloft_write_waiting_seconds)", "s", "{{database}}"),
    _one("Transactions, 95 %", quantile(0.95, "mailloft_write_seconds"), "s"),
    _one("Transactions a second", rate("mailloft_write_seconds_count", "database"), legend="{{database}}"),
    _one("Refused transactions", rate("mailloft_write_failures_total")),
    _one("Processor", 'sum by (process) (rate(process_cpu_seconds_total{job="mailloft"}[$__rate_interval]))',
         "percentunit", "{{process}}"),
    _one("Memory", 'sum by (process) (process_resident_memory_bytes{job="mailloft"})', "bytes", "{{process}}"),
    _p50_p95("API and panel", "mailloft_http_request_seconds"),
    _one("Requests", rate("mailloft_http_requests_total", "status"), legend="{{status}}"),
    Panel("Wrong sign-ins", (
        Query(rate("mailloft_imap_sign_ins_total", outcome="wrong|slowed"), "IMAP"),
        Query(rate("mailloft_submission_sign_ins_total", outcome="wrong|slowed"), "submission"),
        Query(rate("mailloft_panel_sign_ins_total", outcome="wrong.*|slowed"), "panel"),
    )),
    Panel("Rounds that broke off", (
        Query(rate("mailloft_sender_steps_failed_total"), "sender"),
        Query(rate("mailloft_clock_duties_failed_total"), "clock"),
    )),
    Panel("The clock's work", (
        Query("time() - max(mailloft_clock_heartbeat_seconds)", "since its last round, s"),
        Query(rate("mailloft_imported_rows_total"), "imported rows a second"),
        Query(rate("mailloft_domain_checks_total"), "domain checks a second"),
        Query(rate("mailloft_spool_swept_total"), "swept files a second"),
        Query(rate("mailloft_retention_dropped_total"), "old rows a second"),
        Query(rate("mailloft_answer_copies_failed_total"), "copies of answers that failed a second"),
    )),
    _one("Since the doctor's round", "time() - max(mailloft_doctor_examined_timestamp_seconds)", "s"),
))  # fmt: skip

DELIVERABILITY: Final = Dashboard("mailloft-deliverability", "Mailloft: deliverability", (
    _one("Attempts by answer", rate(_ATTEMPTS, "reply"), legend="{{reply}}"),
    _one("Attempts by provider", rate(_ATTEMPTS, "provider"), legend="{{provider}}"),
    _one("Attempts by source", rate(_ATTEMPTS, "source"), legend="{{source}}"),
    _one("Delivered, of attempts", share(rate(_ATTEMPTS, reply="2xx"), rate(_ATTEMPTS)), "percentunit"),
    _one("Refusals by reason", rate("mailloft_refusals_total", "reason"), legend="{{reason}}"),
    _one("Refused for what our address is, of attempts",
         share(rate("mailloft_refusals_total", reason="blocked|badreputation|requireptr"), rate(_ATTEMPTS)),
         "percentunit"),
    _one("Failed for good, of settled",
         share(rate("mailloft_settled_total", event="fail"), rate("mailloft_settled_total")), "percentunit"),
    _one("Bounces by reason", rate("mailloft_bounces_total", "reason"), legend="{{reason}}"),
    _p50_p95("From queued to delivered", "mailloft_delivery_seconds"),
    _p50_p95("One attempt", "mailloft_attempt_seconds"),
    Panel("Held back by hosts' answers", (
        Query("sum(mailloft_resting)", "pairs of source and site at rest"),
        Query(rate("mailloft_reactions_total"), "reactions a second"),
    )),
    _one("Beyond a warm-up plan", rate("mailloft_warmup_exceeded_total")),
    _one("Names of our addresses in order", "min by (source) (mailloft_source_fcrdns)", legend="{{source}}"),
    _one("TLS of outgoing connections", rate("mailloft_tls_sessions_total", "tls"), legend="{{tls}}"),
    Panel("TLS policies", (
        Query(rate("mailloft_tls_withheld_total"), "hosts that do not satisfy one"),
        Query(rate("mailloft_sts_unfetched_total"), "MTA-STS that could not be had"),
    )),
    _one("Faults of hosts", rate("mailloft_host_faults_total")),
    _one("Unanswered questions to name servers", rate("mailloft_dns_failures_total")),
    _one("Breakers that tripped", rate("mailloft_breakers_tripped_total")),
))  # fmt: skip

QUEUE: Final = Dashboard("mailloft-queue", "Mailloft: queue", (
    _one("Waiting and held", "max by (class, state) (mailloft_queue_rows)", legend="{{class}} {{state}}"),
    _one("Oldest due mail", "max by (class) (mailloft_queue_oldest_seconds)", "s", "{{class}}"),
    _one("In the senders' hands", "sum by (process) (mailloft_inflight)", legend="{{process}}"),
    _one("Connections", "sum by (process) (mailloft_connections)", legend="{{process}}"),
    _one("Lanes", "sum by (process) (mailloft_lanes)", legend="{{process}}"),
    _one("Settled by event", rate("mailloft_settled_total", "event"), legend="{{event}}"),
    _p50_p95("Settling", "mailloft_settle_seconds"),
    Panel("Trouble", (
        Query(rate("mailloft_settle_failures_total"), "settlements tried again"),
        Query(rate("mailloft_sender_steps_failed_total"), "rounds that broke off"),
        Query(rate("mailloft_dsns_dropped_total"), "DSNs that nobody took"),
    )),
    _p50_p95("Transactions", "mailloft_write_seconds"),
))  # fmt: skip

INBOUND: Final = Dashboard("mailloft-inbound", "Mailloft: MX and ratings", (
    _one("Connections taken", rate("mailloft_smtp_sessions_total", "listener"), legend="{{listener}}"),
    _one("Connections open", "sum by (listener) (mailloft_smtp_open_sessions)", legend="{{listener}}"),
    _one("Messages taken", rate("mailloft_smtp_accepted_total", "listener"), legend="{{listener}}"),
    _one("Octets taken", rate("mailloft_smtp_accepted_octets_total", "listener"), "Bps", "{{listener}}"),
    _one("Refusals", rate("mailloft_smtp_refused_total")),
    _one("Refusals by reason", rate("mailloft_smtp_refused_total", "listener, reason"),
         legend="{{listener}} {{reason}}"),
    _one("Suspicious peers", rate("mailloft_suspicious_peers_total")),
    _one("Answers of rspamd", rate("mailloft_mx_rspamd_total")),
    _one("SPF, DKIM, DMARC, ARC", rate("mailloft_mx_verdicts_total", "method, result"),
         legend="{{method}} {{result}}"),
    Panel("What DMARC did", (
        Query(rate("mailloft_mx_dmarc_dispositions_total"), "failures by policy"),
        Query(rate("mailloft_mx_dmarc_overrides_total"), "forgiven"),
    )),
    _p50_p95("Authentication", "mailloft_mx_authentication_seconds"),
    _one("Waiting for the sorter", "max(mailloft_unsorted_arrivals)"),
    _one("The oldest of them", "max(mailloft_oldest_unsorted_seconds)", "s"),
    _one("Sorted by kind", rate("mailloft_sorted_total", "kind"), legend="{{kind}}"),
    _p50_p95("From the 250 to sorted", "mailloft_sort_wait_seconds"),
    _one("What arrivals did", rate("mailloft_sorter_acts_total", "act"), legend="{{act}}"),
    Panel("Hostile mail", (
        Query(rate("mailloft_parser_deaths_total"), "parsers killed"),
        Query(rate("mailloft_sorted_unparsed_total"), "filed unread"),
    )),
    _one("Ratings changed", rate("mailloft_rating_changes_total", "cause, direction"),
         legend="{{cause}} {{direction}}"),
    Panel("DMARC and TLS reports", (
        Query(rate("mailloft_reports_received_total"), "received"),
        Query(rate("mailloft_reports_posted_total"), "posted"),
        Query(rate("mailloft_dmarc_reports_total"), "sent"),
        Query(rate("mailloft_mx_dmarc_rows_dropped_total"), "rows left out of ours"),
    )),
))  # fmt: skip

IMAP: Final = Dashboard("mailloft-imap", "Mailloft: IMAP", (
    _one("Connections", "sum(mailloft_imap_sessions)"),
    _one("Commands", rate("mailloft_imap_commands_total", "command"), legend="{{command}}"),
    _one("Commands by result", rate("mailloft_imap_commands_total", "result"), legend="{{result}}"),
    _p50_p95("Time of a command", "mailloft_imap_command_seconds"),
    _one("Time of a command, on average", mean("mailloft_imap_command_seconds", "command"), "s", "{{command}}"),
    _one("Octets", rate("mailloft_imap_octets_total", "direction"), "Bps", "{{direction}}"),
    _one("Sign-ins", rate("mailloft_imap_sign_ins_total", "outcome"), legend="{{outcome}}"),
))  # fmt: skip

DASHBOARDS: Final = (OVERVIEW, DELIVERABILITY, QUEUE, INBOUND, IMAP)
