"""What a server can be told: defaults here, `[server]` in one TOML file, then flags.

Invariant: a `ServerConfig` that exists is valid, and one that strangers can reach asks them who they are.
Environment variables are for secrets only (`SLATEWRIGHT_KEY`, see `recsys.secret_key`; `SLATEWRIGHT_REDIS_PASSWORD`).
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from recsys.errors import ConfigError
from server.security.exposure import check_exposure
from server.security.tls import TlsFiles

Clock = Literal["bundle", "wall"]
CopyPolicy = Literal["none", "cached", "live"]


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Settings of one server; times in the unit of their suffix."""

    bundles: Path = Path("var/bundles")
    """Folder of published bundles, with its `CURRENT` pointer; a URL makes it the local copy of `remote`."""
    remote: str = ""
    """Where bundles are published when not here, such as `s3://shop/bundles` (fsspec); set by a URL for `bundles`."""
    cache: Path = Path("var/bundle-cache")
    """Folder of local copies of remote bundles."""
    state: Path | None = None
    """Folder of events, overlay and key; None puts `state` beside the bundles."""
    store: str = ""
    """Where events and item updates are kept: empty for SQLite in the state folder, or a URL such as
    redis://10.0.0.7:6379/0 for servers on several hosts; its password comes from SLATEWRIGHT_REDIS_PASSWORD."""
    host: str = "127.0.0.1"
    port: int = 50051
    """0 takes a free port, named in the ready line."""
    admin_port: int = 0
    """Loopback port of `/metrics`, one page for all workers; 0 serves none."""
    clock: Clock = "bundle"
    """What "now" is: the end of the bundle's log (replays, demos) or the wall clock."""
    copy: CopyPolicy = "cached"
    """What a call gets that leaves `copy.mode` unset; `none` and `cached` start no engine."""
    rules: Path | None = None
    """TOML file of business rules, read again when it changes; None keeps to none."""
    features: Path | None = None
    """GrowthBook features file that assigns variants, read again when it changes (docs/variants.md); None has none."""
    provider: str = ""
    """OpenFeature provider of your own in place of the embedded one, as `module:factory`."""
    exposures: Path | None = None
    """Folder of the exposure log (docs/exposure-log.md); None keeps none."""
    exposures_s: float = 30.0
    """How often each worker adds a file to it."""
    tls: TlsFiles | None = None
    """Table `[server.tls]`: certificate and key, read again when they change."""
    callers: Path | None = None
    """TOML file of who may call, read again when it changes; None asks nobody (docs/security.md)."""
    insecure: bool = False
    """Listen beyond this machine even without TLS and callers."""
    workers: int = 1
    """Processes that answer on the port; limits below are each one's, `generate_limit` is divided among them."""
    margin_ms: int = 40
    """A slate leaves at least this long before its caller's deadline, and a tenth of it, up to 500 ms."""
    patience_ms: int = 10_000
    """How long pitches may take when the caller set no deadline."""
    queue_limit: int = 64
    """Slates waiting for the CPU thread; beyond it callers are told to come back."""
    in_flight_limit: int = 1_000
    """Calls at work in one worker, streams not among them."""
    stream_limit: int = 10_000
    """Streams open in one worker; one whose reader is slow stays open until its caller's deadline."""
    keepalive_s: float = 60.0
    """A peer is asked so often whether it is still there; its connection ends 20 s after a question without answer."""
    connection_age_s: float = 600.0
    """A connection is ended, once its calls are done, after about so long. Clients make another by themselves, and may
    reach another worker: so the load evens out after a worker was replaced. Calls get 60 s to be done."""
    generate_limit: int = 8
    """Batches waiting for the copy engine; beyond it items keep their template."""
    users_in_memory: int = 20_000
    """Users whose newest events are kept in memory; those of others are read from disk when asked for."""
    engine_silence_s: float = 30.0
    """A copy engine that is at work and brings no text for so long is ended and started again."""
    worker_silence_s: float = 10.0
    """A worker whose event loop stands still, or whose CPU thread is at one piece of work for so long, is ended and
    started again."""
    remote_poll_s: float = 10.0
    """How often `CURRENT` of remote bundles is read."""
    poll_s: float = 1.0
    """How often `CURRENT` is read."""
    drain_s: float = 10.0
    """How long calls may finish after SIGTERM."""

    def __post_init__(self) -> None:
        _one_of("clock", self.clock, get_args(Clock))
        _one_of("copy", self.copy, get_args(CopyPolicy))
        _within("port", self.port, 0, 65_535)
        _within("admin_port", self.admin_port, 0, 65_535)
        _within("margin_ms", self.margin_ms, 0, 10_000)
        _within("patience_ms", self.patience_ms, 0, 600_000)
        _within("queue_limit", self.queue_limit, 1, 100_000)
        _within("in_flight_limit", self.in_flight_limit, 1, 100_000)
        _within("stream_limit", self.stream_limit, 1, 1_000_000)
        _within("keepalive_s", self.keepalive_s, 1, 86_400)
        _within("connection_age_s", self.connection_age_s, 1, 86_400)
        _within("generate_limit", self.generate_limit, 1, 1_000)
        _within("users_in_memory", self.users_in_memory, 1, 10_000_000)
        _within("engine_silence_s", self.engine_silence_s, 0.1, 3_600)
        _within("worker_silence_s", self.worker_silence_s, 2, 3_600)
        _within("remote_poll_s", self.remote_poll_s, 0.01, 86_400)
        _within("poll_s", self.poll_s, 0.01, 3_600)
        _within("exposures_s", self.exposures_s, 0.01, 3_600)
        _within("drain_s", self.drain_s, 0, 3_600)
        _within("workers", self.workers, 1, 256)
        _store_url(self.store)
        if self.provider and not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", self.provider):
            raise ConfigError(f"provider is {self.provider!r}; expected module:factory; correct it")
        if not self.host:
            raise ConfigError("host is empty; expected an address such as 127.0.0.1; set one")
        check_exposure(
            self.host,
            encrypted=self.tls is not None,
            authenticated=self.callers is not None or (self.tls is not None and self.tls.client_ca is not None),
            insecure=self.insecure,
        )

    @property
    def state_dir(self) -> Path:
        """Where events, overlay and key are kept."""
        return self.state or (Path("var/state") if self.remote else self.bundles.parent / "state")


def load(path: Path | None, flags: Mapping[str, object] | None = None) -> ServerConfig:
    """Defaults, then table `[server]` of the TOML file, then `flags` that are not None.

    Raises
    ------
    ConfigError
        The file cannot be read, or a key is unknown, of the wrong type or out of its range.
    """
    settings = _table(path) if path else {}
    settings |= {key: value for key, value in (flags or {}).items() if value is not None}
    if "://" in (url := str(settings.get("bundles", ""))):
        caches = Path(str(settings.get("cache", ServerConfig.__dataclass_fields__["cache"].default)))
        settings |= {"remote": url, "bundles": local_folder(url, caches)}
    typed: dict[str, Any] = {key: _typed(key, value) for key, value in settings.items()}
    return ServerConfig(**typed)


def local_folder(url: str, caches: Path) -> Path:
    """Where the copy of a location is kept: a name of its own in the folder of caches."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", url.partition("://")[2]).strip("-")[:60]
    return caches / f"{plain}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"


def _table(path: Path) -> dict[str, object]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}); name a TOML file") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not TOML: {error}; correct that line") from error
    loose = sorted(key for key, value in document.items() if not isinstance(value, dict))
    if loose:
        raise ConfigError(f"{path}: {loose[0]} stands outside of a table; put it under [server]")
    return dict(document.get("server", {}))


def _typed(key: str, value: object) -> object:
    known = {field.name: field.type for field in fields(ServerConfig)}
    if key not in known:
        raise ConfigError(f"{key} is not a setting of [server]; known are {', '.join(sorted(known))}")
    kind = str(known[key])
    if key == "tls":
        return TlsFiles.of_table(value)
    if kind == "bool" and isinstance(value, bool):
        return value
    if "Path" in kind and isinstance(value, str | Path):
        return Path(value)
    if kind == "float" and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind == "int" and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind in {"str", "Clock", "CopyPolicy"} and isinstance(value, str):
        return value
    raise ConfigError(f"{key} is {value!r}; expected a value of type {kind}; correct it")


def _store_url(url: str) -> None:
    if "@" in url:
        raise ConfigError("store holds a password; expected none; put it into SLATEWRIGHT_REDIS_PASSWORD")
    if url and not url.startswith(("redis://", "rediss://", "unix://")):
        raise ConfigError(f"store is {url!r}; expected a URL such as redis://HOST:PORT/0; correct it, or leave it out")


def _one_of(key: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ConfigError(f"{key} is {value!r}; expected one of {', '.join(known)}; choose one")


def _within(key: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{key} is {value}; expected {low:g} to {high:g}; choose one of these")
