"""Several workers and a closed door: each asks who calls, each forgets, and bundles are copied once for all."""

from __future__ import annotations

import hashlib
import shutil
import socket
import subprocess
import sys
import urllib.request
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
import trustme

from recsys import bundle as bundles
from recsys import lease, versions
from slatewright import cli
from tests.served_process import Door, Serve, dislike, doors, until

pytestmark = pytest.mark.slow

ALL, SLOW, LATER = "sw_all-of-it", "sw_slow", "sw_later"


def code_of(door: Door) -> str:
    """How a slate is answered."""
    try:
        door.items("u0000001")
    except grpc.RpcError as error:
        return str(error.code().name)  # type: ignore[attr-defined]
    return "OK"


def caller(name: str, key: str, more: str = "") -> str:
    """A table of the callers' file."""
    hashed = hashlib.sha256(key.encode()).hexdigest()
    return f'[[caller]]\nname = "{name}"\nkey_sha256 = ["{hashed}"]\nrpcs = ["*"]\n{more}\n'


def test_a_forgotten_person_is_new_on_every_worker(serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:  # type: ignore[type-arg]
    """From the next slate, on each connection: no event counts, the bundle is asked for nobody; others keep theirs."""
    user, other = "u0000001", "u0000002"
    with serve() as served, doors(served) as opened:
        new = opened[0].items("somebody-new", request_id="r")
        known = opened[0].items(user, request_id="r")
        kept = opened[0].items(other, request_id="r")
        assert known != new
        assert opened[0].record(dislike("d1", user_id=user, item_id=new[0])) == 1
        assert opened[0].record(dislike("d2", user_id=other, item_id=kept[0])) == 1
        assert all(new[0] not in door.items(user, request_id="r") for door in opened)
        state = str(tmp_path / "state")
        assert cli.main(["forget", user, "--state", state, "--bundles", str(tmp_path / "none")]) == 0
        assert "events removed   1" in capsys.readouterr().out
        assert all(door.items(user, request_id="r") == new for door in opened)
        assert all(kept[0] not in door.items(other, request_id="r") for door in opened)
        assert opened[1].record(dislike("d1", user_id=user, item_id=new[1])) == 1  # the id is free again
        assert all(new[1] not in door.items(user, request_id="r") for door in opened)
        assert served.served_by() == {0, 1}
        until(lambda: len(served.said("tombstones_loaded")) == 2)


def test_every_worker_asks_who_calls(serve: Serve, tmp_path: Path) -> None:
    """TLS and keys on each connection; a new callers' file and certificate reach all workers; a quota is counted over
    all of them; refused calls are in the metrics by their code.
    """
    authority = trustme.CA()
    folder = tmp_path / "tls"
    folder.mkdir()

    def issue() -> bytes:
        leaf = authority.issue_cert("127.0.0.1")
        chain = b"".join(part.bytes() for part in leaf.cert_chain_pems)
        for name, content in (("key.pem", leaf.private_key_pem.bytes()), ("cert.pem", chain)):
            (folder / f"{name}.new").write_bytes(content)
            (folder / f"{name}.new").replace(folder / name)
        return chain

    issue()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        admin = free.getsockname()[1]
    callers = tmp_path / "callers.toml"
    callers.write_text(caller("all", ALL) + caller("slow", SLOW, "rate = 0.001\nburst = 3"))
    (tmp_path / "server.toml").write_text(
        f'[server]\ncallers = "{callers}"\npoll_s = 0.1\n'
        f'[server.tls]\ncert = "{folder / "cert.pem"}"\nkey = "{folder / "key.pem"}"\n'
    )
    secure = grpc.ssl_channel_credentials(authority.cert_pem.bytes())
    with serve("--config", str(tmp_path / "server.toml"), "--admin-port", str(admin)) as served:
        with doors(served, secure=secure) as strangers, doors(served, secure=secure, key=ALL) as friends:
            assert {code_of(door) for door in strangers} == {"UNAUTHENTICATED"}
            assert {code_of(door) for door in friends} == {"OK"}
            assert served.served_by() == {0, 1}
            refused = [line for line in served.said("call") if line["code"] == "UNAUTHENTICATED"]
            assert {line["worker"] for line in refused} == {0, 1}
        with doors(served, 2, key=ALL) as plain:
            assert {code_of(door) for door in plain} == {"UNAVAILABLE"}
        with doors(served, secure=secure, key=SLOW) as limited:
            assert sorted(code_of(door) for door in limited) == ["OK"] * 3 + ["RESOURCE_EXHAUSTED"] * 9
        callers.write_text(caller("later", LATER))
        until(lambda: len(served.said("callers_loaded")) == 2, within_s=10)
        issue()
        with doors(served, secure=secure, key=LATER) as later, doors(served, secure=secure, key=ALL) as revoked:
            assert {code_of(door) for door in later} == {"OK"}
            assert {code_of(door) for door in revoked} == {"UNAUTHENTICATED"}
        assert {line["worker"] for line in served.said("certificate_loaded")} == {0, 1}
        with urllib.request.urlopen(f"http://127.0.0.1:{admin}/metrics", timeout=10) as page:
            lines = page.read().decode().splitlines()
    calls = 'slatewright_calls_total{code="%s",rpc="/slatewright.v1.RecommendationService/Recommend"} %s'
    for code, n in (("UNAUTHENTICATED", "24.0"), ("RESOURCE_EXHAUSTED", "9.0"), ("OK", "27.0")):
        assert calls % (code, n) in lines


def test_an_open_address_is_refused_before_anything_starts(shop_bundles: Path, tmp_path: Path) -> None:
    """One line and exit 2: no worker, no state, no port."""
    command = [sys.executable, "-m", "slatewright.cli", "serve", "--host", "0.0.0.0", "--port", "0", "--workers", "2"]
    folders = ["--bundles", str(shop_bundles), "--state", str(tmp_path / "state")]
    done = subprocess.run([*command, *folders], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith("error: host 0.0.0.0 can be reached from other machines")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "state").exists()


def test_remote_bundles_are_copied_once_for_all_workers(serve: Serve, shop_bundles: Path, tmp_path: Path) -> None:
    """One process copies, each worker opens the copy and holds it; a place that nobody can reach is said in a line."""
    there = Path(shutil.copytree(shop_bundles, tmp_path / "there"))
    (tmp_path / "server.toml").write_text("[server]\nremote_poll_s = 0.1\npoll_s = 0.1\n")
    flags = ("--bundles", f"file://{there}", "--cache", str(tmp_path / "cache"))
    with serve(*flags, "--config", str(tmp_path / "server.toml")) as served, doors(served) as opened:
        assert all(door.items("u0000001") for door in opened)
        assert served.served_by() == {0, 1}
        [cache] = (tmp_path / "cache").iterdir()
        first = bundles.load(bundles.current(there))
        second = bundles.publish(replace(first, ranker_text=first.ranker_text + "\n"), there)
        until(lambda: len(served.said("bundle_loaded")) == 4)
        assert [line["worker"] for line in served.said("bundle_fetched")] == ["mirror", "mirror"]
        assert lease.held(cache / second.name)
        assert versions.current_name(cache) == second.name
        assert all(door.items("u0000001") for door in opened)
    command = [sys.executable, "-m", "slatewright.cli", "serve", "--port", "0", "--state", str(tmp_path / "other")]
    done = subprocess.run(
        [*command, "--bundles", "nope://x/y"], capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path
    )
    assert done.returncode == 2
    assert "error: bundles at nope://x/y cannot be reached" in done.stderr
