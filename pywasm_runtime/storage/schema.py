"""Hold the tables. Times are seconds since the epoch; a call has ended if and only if `ended` is set."""

APPLICATION_ID = 0x70797761
"""Marks the file as ours, in SQLite's header."""

SCHEMA_VERSION = 1

TABLES = """
CREATE TABLE users (
    name TEXT PRIMARY KEY,
    token_sha256 BLOB NOT NULL UNIQUE,
    admin INTEGER NOT NULL,
    created REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE archives (
    digest TEXT PRIMARY KEY,
    content BLOB NOT NULL
) STRICT;

-- A deleted function has no current version; its row stays, so that its next version has a new number.
CREATE TABLE functions (
    id INTEGER PRIMARY KEY,
    user TEXT NOT NULL,
    name TEXT NOT NULL,
    current INTEGER,
    latest INTEGER NOT NULL,
    UNIQUE (user, name)
) STRICT;

CREATE TABLE versions (
    function INTEGER NOT NULL REFERENCES functions (id),
    version INTEGER NOT NULL,
    digest TEXT NOT NULL REFERENCES archives (digest),
    settings TEXT NOT NULL,
    created REAL NOT NULL,
    no_image TEXT NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (function, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX versions_by_digest ON versions (digest);

-- The number is the order in which calls were accepted.
CREATE TABLE calls (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    user TEXT NOT NULL,
    function TEXT NOT NULL,
    version INTEGER NOT NULL,
    entry TEXT NOT NULL,
    depth INTEGER NOT NULL,
    state TEXT NOT NULL,
    created REAL NOT NULL,
    started REAL,
    ended REAL,
    attempt INTEGER NOT NULL DEFAULT 0,
    owner TEXT,
    lease REAL,
    status INTEGER,
    failure TEXT,
    error TEXT,
    seconds REAL,
    cpu_seconds REAL,
    memory_bytes INTEGER
) STRICT;
CREATE INDEX calls_queued ON calls (depth DESC, number) WHERE state = 'queued';
CREATE INDEX calls_running ON calls (owner) WHERE state = 'running';
CREATE INDEX calls_alive ON calls (user, function, version) WHERE ended IS NULL;
CREATE INDEX calls_ended ON calls (state, ended) WHERE ended IS NOT NULL;
CREATE INDEX calls_by_user ON calls (user, number);

-- What may be large lies apart, so that listing calls does not read it.
CREATE TABLE call_data (
    number INTEGER PRIMARY KEY REFERENCES calls (number) ON DELETE CASCADE,
    input BLOB NOT NULL,
    output BLOB,
    stdout BLOB,
    stderr BLOB,
    traceback TEXT
) STRICT;

CREATE TABLE state_keys (
    id INTEGER PRIMARY KEY,
    user TEXT NOT NULL,
    key TEXT NOT NULL,
    size INTEGER NOT NULL,
    version INTEGER NOT NULL,
    UNIQUE (user, key)
) STRICT;

-- A chunk that is missing, or the end of one that is short, is zeros.
CREATE TABLE state_chunks (
    key INTEGER NOT NULL REFERENCES state_keys (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (key, number)
) STRICT;

CREATE TABLE appended (
    number INTEGER PRIMARY KEY,
    user TEXT NOT NULL,
    key TEXT NOT NULL,
    content BLOB NOT NULL
) STRICT;
CREATE INDEX appended_by_key ON appended (user, key, number);

-- What a user's keys and appended entries take: items counts both.
CREATE TABLE state_usage (
    user TEXT PRIMARY KEY,
    bytes INTEGER NOT NULL,
    items INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE locks (
    user TEXT NOT NULL,
    key TEXT NOT NULL,
    holder TEXT NOT NULL,
    exclusive INTEGER NOT NULL,
    depth INTEGER NOT NULL,
    expires REAL NOT NULL,
    PRIMARY KEY (user, key, holder)
) STRICT, WITHOUT ROWID;
CREATE INDEX locks_by_holder ON locks (holder);
"""
