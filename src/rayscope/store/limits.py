"""Every limit of the store and of ingest, each with its reason."""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

MAX_BODY_BYTES: Final = 64 * MIB
"""One POST. Ray sends at most 1,000 events, about 1 MB; long tracebacks and runtime envs can make that tens of MB."""

GROUP_EVENTS: Final = 80_000
"""Events folded into one transaction: beyond this a larger group gains little, and readers see its rows later."""

GROUP_WAIT_S: Final = 0.1
"""How long accepted events wait for others before they are folded: the price of a transaction is paid once for all of them."""

BUSY_EVENTS: Final = 1_000
"""Events within GROUP_WAIT_S from which on a cluster is busy: 10,000 a second."""

BUSY_WAIT_S: Final = 1.5
"""How long a busy group may wait: owners and workers report once a second, so most of the short tasks of a busy cluster are told whole within it,
and are then written once and not three times."""

FOLD_EVENTS: Final = 2_000
"""Events folded at a time: between two turns the applier looks whether its group is full, or has waited long enough."""

BACKLOG_EVENTS: Final = 40_000
"""Accepted events that wait to be folded, about 120 MB when decoded. Beyond it acceptance waits, and so do the senders: their word is not lost."""

JOURNAL_FILE_BYTES: Final = 64 * MIB
"""Where a new journal file begins. Files whose content is in the database are deleted, so about two of them exist."""

QUEUE_BYTES: Final = 256 * MIB
"""Bodies that wait to be accepted. Over it the server answers 503 and Ray's exporter sends again."""

QUARANTINE_ROWS: Final = 10_000
"""Unreadable events kept for inspection, the newest; more are only counted."""

QUARANTINE_EVENT_BYTES: Final = 64 * KIB
"""Bytes kept of one unreadable event: enough to see what it is."""

GRACE_S: Final = 10.0
"""How long an ended attempt stays in the hot table for late fragments: Ray's workers report every second, its exporter
backs off for up to 5 s."""

CLOCK_SKEW_S: Final = 5.0
"""How far the clocks of a cluster's nodes may be apart for late fragments to find their settled attempts. Less than
GRACE_S, so that the words on running attempts need not be looked up among the settled ones."""

SETTLE_INTERVAL_S: Final = 1.0
"""How often ended attempts move to the cold table."""

SETTLE_ROWS: Final = 50_000
"""Attempts moved in one transaction: about half a second of work, so that senders do not wait longer."""

CLOSE_AFTER_S: Final = 2.0
"""How long after a worker's or a job's end its open attempts are closed: their owners' own reports come first, within
Ray's report interval of 1 s."""

CLOSE_AGAIN_S: Final = 30.0
"""How often, while events come in, what is open is looked at although nothing has ended newly: fragments may arrive long after
the end of what they lived in."""

SILENCE_S: Final = 600.0
"""After how long without a word a session counts as ended. An idle cluster says nothing either, so this is minutes;
when word comes after all, the session is live again."""

REOPEN_WAIT_S: Final = 10.0
"""How long opening a broken database anew waits for its readers: each of them fails with its next step."""

MIN_FREE_BYTES: Final = 64 * MIB
"""Room that must be left on the disk for a transaction to start: DuckDB's log and checkpoint need some to finish."""

DUCKDB_MEMORY: Final = "192MB"
"""DuckDB's own memory. Larger intermediate results go to disk; the server's promise is 400 MB resident with 10M attempts."""

DUCKDB_THREADS: Final = 2
"""More gain little on one page of rows and take the observed program's cores."""

CHECKPOINT_BYTES: Final = "64MB"
"""Log replayed at most after a kill: about a second."""

COMPACT_FREE_BYTES: Final = 128 * MIB
"""Room inside the store's file from which on it is worth writing it anew, if that is also half of the file."""

COMPACT_AT_MOST_BYTES: Final = 2048 * MIB
"""Up to this size the store's file is written anew: some 10 s a GiB in which nothing else is written. A larger one keeps its room for new rows."""

OBJECT_ROWS: Final = 20_000
"""References kept of one snapshot: twice what Ray's state API gives in one answer. More are counted, and the largest objects stay."""

OBJECT_SNAPSHOTS: Final = 5_760
"""Snapshots kept of one session: two days of one every 30 s. Beyond it the oldest go, and are counted."""

OBJECT_SPANS: Final = 2_000_000
"""Spans of references kept of one session, about 100 MB. Beyond it the oldest quarter of its snapshots goes, and is counted."""

CALL_SITE_BYTES: Final = 4 * KIB
"""Kept of one call site: a stack of twenty frames. A snapshot has thousands of them."""

MAX_PAGE: Final = 10_000
"""Rows in one answer of the API."""

DEFAULT_PAGE: Final = 100

PAYLOAD_TEXT_BYTES: Final = 64 * KIB
"""Bytes kept of one error message, traceback or runtime env; longer ones are cut with a mark."""

LOG_FLUSH_BYTES: Final = 24 * MIB
"""Log bytes in memory from which on they go into segments: enough for blocks that compress well, and for the journal to be read again in a second."""

LOG_FLUSH_S: Final = 120.0
"""How long log bytes stay in memory and in the journal at most."""

LOG_WAITING_BYTES: Final = 96 * MIB
"""Log bytes that wait for their place on disk. Over it agents get 503 and wait; their files keep what they hold."""

LOG_INTERVAL_S: Final = 0.2
"""How often an agent looks for new bytes: with the server's part well within a second from a line printed to a line followed."""

LOG_CHUNK_BYTES: Final = 1 * MIB
"""One stretch of one file in a body of an agent."""

LOG_BODY_BYTES: Final = 8 * MIB
"""One body of an agent: large enough that the price of an fsync does not count, small enough to be sent again."""

AGENT_SILENT_S: Final = 15.0
"""After how long without a word an agent counts as silent, and another may take its node: three of its reports of health."""

LINE_TEXT_BYTES: Final = 256 * KIB
"""Bytes shown of one log line; longer ones are cut with a mark, and their bytes can be read from the file's route."""

MAX_LINE_BYTES: Final = 10 * MIB
"""Where a stretch without a newline counts as a line all the same."""

LOG_PAGE_BYTES: Final = 8 * MIB
"""Bytes of text in one page of log lines, or in one delivery of a live tail; the next page goes on."""

LOG_SEARCH_S: Final = 5.0
"""How long one search looks before it says how far it came, with a cursor to go on."""

MAX_LOG_LINES: Final = 10_000
"""Lines in one page of log lines."""

LOG_CONTEXT_LINES: Final = 1000
"""Lines of context at most around each line that was found."""

LOG_LATE_S: Final = 3.0
"""How old the bytes are that an agent has not shipped, for answers to say so: it looks several times a second."""

LOG_READ_BYTES: Final = 8 * MIB
"""Bytes of a file in one answer."""

LOG_FOLLOW_LINES: Final = 1_000
"""Lines in one delivery of a live tail: who printed them is looked up once for all of them."""

LOG_FLUSH_ARRIVALS: Final = 100_000
"""Chunks and marks in memory from which on they are flushed however small they are: each costs some hundred bytes."""

TIMELINE_PX: Final = 10_000
"""Bins across a timeline: more than any screen has pixels."""

TIMELINE_TRACKS: Final = 200
"""Tracks in one timeline: more than fit a screen."""

TIMELINE_LANES: Final = 64
"""Lanes of a track. What overlaps beyond them is merged in the last."""

TIMELINE_CELLS: Final = 40_000
"""Bins of all tracks of a timeline together. Where a pixel each would be more, bins are wider."""

TIMELINE_LONG: Final = 8_000
"""Attempts with a slice of their own in one timeline, the longest; and attempts whose ids it names: about 200 KB compressed."""

TIMELINE_SHARES: Final = 1_000_000
"""Pairs of a bin and a colour whose time is added up while a timeline is made, 20 MB. Beyond it those go that have least of their bin's time so far."""

TIMELINE_FUNCTIONS: Final = 100
"""Functions in the statistics of a range, those with the most time."""

TIMELINE_SLOWEST: Final = 20
"""Slowest attempts that the statistics of a range name."""

FAILURE_GROUPS: Final = 200
"""Groups of failures in one answer."""

OVERVIEW_BINS: Final = 2_000
"""Bins of a session's series over time."""

OVERVIEW_RESOURCES: Final = 20
"""Resources with a series over time; clusters with a custom resource for each node have hundreds."""

ATTENTION: Final = 10
"""Things of one kind that an overview names, those that most concern."""

WAITING_LONG_S: Final = 30.0
"""How long an attempt may wait before it is named: longer than a node takes to fetch arguments, shorter than patience."""

FINDINGS_SAMPLES: Final = 3_000_000
"""Samples that one look for findings reads, some 100 MB and two seconds: of a session with more only its last part is looked at."""

FINDINGS_KEPT_S: Final = 10.0
"""How long what was found is kept: Ray's own figures are renewed about as often."""

FINDINGS_HOLDERS: Final = 1_000
"""Actors and tasks with GPUs that a look for findings knows."""

SQL_BYTES: Final = 100 * KIB
"""A question in SQL: longer ones are made by programs that want something else."""

SQL_ROWS: Final = 10_000
"""Rows in the answer to a question in SQL; downloads have their own limit."""

SQL_ANSWER_BYTES: Final = 32 * MIB
"""The answer to a question in SQL: what a browser can hold. It is cut at a row, and says so."""

SQL_DOWNLOAD_ROWS: Final = 1_000_000
"""Rows in a download of a question in SQL."""

SQL_TIMEOUT_S: Final = 60.0
"""The longest that a question in SQL may take."""

SQL_AT_ONCE: Final = 2
"""Questions in SQL at a time: each may take all the memory that DuckDB has."""

FACET_VALUES: Final = 200
"""Values of a column in one answer: more do not fit a menu."""

PULSE_BEATS: Final = 1_000
"""Changes that a page which lost its connection can catch up with; after more it asks for everything anew."""

LIVE_INTERVAL_S: Final = 0.5
"""Between two notices of changes to a page: a person sees no more, and each makes it ask."""

LIVE_PING_S: Final = 10.0
"""How often a page hears of a server that has nothing to say, so that both know when the other is gone."""

SEARCH_HITS: Final = 100
"""Hits in one answer: who needs more gives more words."""

SEARCH_WORDS: Final = 8
"""Words of a search that count."""

SEARCH_NAMES: Final = 500_000
"""Different names of attempts that a search remembers, by session: some 60 MB. A program that gives each task its own name can pass it."""

SEARCH_ERRORS: Final = 20_000
"""Different errors, their numbers folded, that a search remembers."""

CALLGRAPH_NODES: Final = 200
"""Nodes of a call graph: a person reads forty. The rest is folded into one."""

CALLGRAPH_METHODS: Final = 50
"""Methods of a class that a call graph names, those with most calls."""

PROMQL_BYTES: Final = 64 * KIB
"""A PromQL expression: longer ones are made by programs that want something else."""

PROMQL_OPERATORS: Final = 200
"""Operators and parentheses in a PromQL expression: whoever reads it goes down a level for each, and a stack is not endless."""

PROMQL_STEPS: Final = 11_000
"""Steps of a range query, as in Prometheus: more than a screen has pixels."""

PROMQL_SAMPLES: Final = 20_000_000
"""Samples that one PromQL query may hold at a time, and numbers in one of its intermediate results: 160 MB."""

PROMQL_SERIES: Final = 20_000
"""Series in the answer to a PromQL query: a browser holds no more."""

PROMQL_TIMEOUT_S: Final = 60.0
"""The longest that a PromQL query may take; `timeout` asks for less."""

PROMQL_AT_ONCE: Final = 4
"""PromQL queries at a time, a dashboard's panels: each may hold as many samples as one may. Others wait."""

METRIC_SERIES: Final = 200_000
"""Series of one session, unless `--metric-series` says otherwise: 100 nodes of 2,000. Each costs some 60 bytes of memory and as many on disk."""

METRIC_FAMILIES: Final = 20_000
"""Metrics of one session whose type and help are kept."""

METRIC_HELP_CHARS: Final = 1_000
"""Characters kept of a metric's help."""

METRIC_LABELS: Final = 64
"""Labels of one series. A series with more is refused, and counted."""

METRIC_LABEL_CHARS: Final = 2_048
"""Characters of a label's value. A series with a longer one is refused: cut, it might be taken for another."""

METRIC_OFFENDERS: Final = 20
"""Metrics named with a session's budget, those with the most series."""

METRIC_FUTURE_S: Final = 600.0
"""How far ahead of the server's clock a sample may be: a node's clock that is wrong would keep later samples out for as long."""

METRIC_SAMPLES: Final = 50_000_000
"""Samples that one question may touch, unless it says otherwise: a minute of work."""

METRIC_WAITING_BYTES: Final = 64 * MIB
"""Bodies of samples that wait to be accepted. Over it agents get 503 and wait."""

FEDERATE_SAMPLES: Final = 20_000_000
"""Samples that one federation may look at: five minutes of 300,000 series every 5 s, 160 MB."""

FEDERATE_SERIES: Final = 200_000
"""Series in one page of a federation, some 50 MB. A Prometheus that needs more is better served by remote write."""

EXPORT_SAMPLES: Final = 5_000
"""Samples in one body that is sent on: receivers take some MB, and what a kill makes come twice is no more than this."""

EXPORT_POLL_S: Final = 1.0
"""How often a destination that has everything looks for more."""

EXPORT_WAIT_S: Final = 30.0
"""How long a destination may take to answer, as in Prometheus."""

EXPORT_BACKOFF_S: Final = 10.0
"""Between two tries at most; a destination that says Retry-After is believed, up to EXPORT_RETRY_AFTER_S."""

EXPORT_RETRY_AFTER_S: Final = 300.0
"""The longest that a Retry-After is believed."""

EXPORT_SPLITS: Final = 64
"""How often a body that is refused for its content is divided, so that what is good in it arrives: enough to single out some bad series."""

EXPORT_CLOSING_S: Final = 5.0
"""How long a server that stops goes on to send: what is left is sent after the next start."""

METRIC_FLUSH_SAMPLES: Final = 4_000_000
"""Samples in memory from which on they go into blocks: some 40 MB, and a second or two of reading the journal again."""

METRIC_FLUSH_S: Final = 300.0
"""How long samples stay in memory and in the journal at most."""

METRIC_SEGMENT_BYTES: Final = 64 * MIB
"""Where a new segment of metric blocks begins. One whose blocks are all gone is deleted."""

METRIC_BLOCK_TIMES: Final = 480
"""Times in a block of metrics when it has been merged: two hours at 15 s. More compress little better, and reading one series unpacks more."""

METRIC_BLOCK_CELLS: Final = 4_000_000
"""Series times times of a block at most: 32 MB while it is written."""

METRIC_IDLE_S: Final = 3_600.0
"""After how long without a sample the last blocks of a target are merged, however small they are."""

METRIC_RAW_S: Final = 7 * 86_400.0
"""How long samples are kept as they came. Older ones are thinned to one a minute."""

METRIC_MINUTES_S: Final = 30 * 86_400.0
"""How long one sample a minute is kept. Older ones are thinned to one in four minutes, which is within the five that a question looks back."""

METRIC_ACTIVE_S: Final = 86_400.0
"""A series without a sample for so long no longer counts against its session's budget, which may have ten times as many of those."""

METRIC_TIDY_S: Final = 15.0
"""How often it is looked whether blocks of metrics are to be merged or thinned; a third of that is what it may take."""
