"""A person's events out of a shared Redis.

Invariant: one script removes rows, ids and the user's keys at once and tells every host's workers to empty their
memory; then Redis writes its files anew, because its append-only file repeats what it was once told, and the
stream is copied, because a deleted entry stays on its page.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from redis import Redis
from redis.exceptions import RedisError

from recsys.errors import ConfigError
from recsys.schema import EVENT_TYPES
from server.redis_store import PASSWORD, PREFIX

WAIT_S: Final = 600.0
"""For the script, and for each file to be written anew."""
_PAUSE_S: Final = 0.05
_ERASE: Final = f"""
local log, draft, ids = '{PREFIX}log', '{PREFIX}log.draft', '{PREFIX}ids'
local n, seen, from = {{}}, {{}}, '-'
for i, user in ipairs(ARGV) do n[user] = 0 end
redis.call('DEL', draft)
while true do
  local part = redis.call('XRANGE', log, from, '+', 'COUNT', 1000)
  if #part == 0 then break end
  for k, entry in ipairs(part) do
    local row = cjson.decode(entry[2][2])
    if n[row[2]] then
      n[row[2]] = n[row[2]] + 1
      seen[row[1]] = true
      redis.call('SREM', ids, row[1])
    else
      redis.call('XADD', draft, entry[1], unpack(entry[2]))
    end
    from = '(' .. entry[1]
  end
end
if redis.call('EXISTS', draft) == 1 then redis.call('RENAME', draft, log) else redis.call('DEL', log) end
local answer = {{}}
for i, user in ipairs(ARGV) do
  for j, kind in ipairs({{{", ".join(f"'{kind}'" for kind in EVENT_TYPES)}}}) do
    local key = '{PREFIX}user:' .. kind .. ':' .. user
    for k, member in ipairs(redis.call('ZRANGE', key, 0, -1)) do
      local row = cjson.decode(string.sub(member, string.find(member, ':', 1, true) + 1))
      if not seen[row[1]] then
        n[user] = n[user] + 1
        redis.call('SREM', ids, row[1])
      end
    end
    redis.call('DEL', key)
  end
  answer[i] = n[user]
end
redis.call('INCR', '{PREFIX}erased')
return answer
"""
"""ARGV: user ids. An event that was trimmed from the log is found with its user."""


def erase(url: str, user_ids: Sequence[str]) -> dict[str, int]:
    """Events removed by user, all users at once. Calls of running servers wait meanwhile, or fail clearly.

    Raises ConfigError where Redis is away or does not do its part.
    """
    with _client(url) as client:
        removed = _asked(url, lambda: client.register_script(_ERASE)(args=list(user_ids)))
        _asked(url, lambda: _write_anew(client))
    return dict(zip(user_ids, map(int, removed), strict=True))


def left_in(url: str, user_id: str) -> int:
    """Events of a user that are there now. Raises ConfigError."""
    with _client(url) as client:
        kinds = [f"{PREFIX}user:{kind}:{user_id}" for kind in EVENT_TYPES]
        return sum(_asked(url, lambda: [int(client.zcard(key)) for key in kinds]))


def _write_anew(client: Any) -> None:
    """Have the append-only file, and the snapshot where one is kept, written from what is there now."""
    _when_done(client, "aof_rewrite_in_progress", "aof_rewrite_scheduled")  # it may have begun before
    client.bgrewriteaof()
    _when_done(client, "aof_rewrite_in_progress", "aof_rewrite_scheduled")
    if client.config_get("save").get("save"):
        _when_done(client, "rdb_bgsave_in_progress")
        client.bgsave()
        _when_done(client, "rdb_bgsave_in_progress")
    found = client.info("persistence")
    for name in ("aof_last_bgrewrite_status", "aof_last_write_status", "rdb_last_bgsave_status"):
        if found.get(name) != "ok":
            raise RedisError(f"{name} is {found.get(name)}")


def _when_done(client: Any, *running: str) -> None:
    end = time.monotonic() + WAIT_S
    while any(client.info("persistence").get(name) for name in running):
        if time.monotonic() > end:
            raise RedisError(f"{running[0]} for more than {WAIT_S:g} s")
        time.sleep(_PAUSE_S)


def _asked(url: str, ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except (RedisError, OSError) as error:
        raise ConfigError(
            f"Redis at {url} could not be cleaned ({error}); start it, check its log, then run the command again"
        ) from error


def _client(url: str) -> Any:
    return Redis.from_url(
        url, password=os.environ.get(PASSWORD), decode_responses=True, socket_timeout=WAIT_S, socket_connect_timeout=5.0
    )
