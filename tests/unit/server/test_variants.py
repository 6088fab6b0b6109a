"""Variants: what a features file may say, and what a call gets of it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from openfeature.exception import FlagNotFoundError
from openfeature.flag_evaluation import FlagResolutionDetails
from openfeature.provider import AbstractProvider, Metadata
from prometheus_client import REGISTRY

from recsys.errors import ConfigError
from recsys.rerank.explore import ExploreConfig
from recsys.treatment import UNTREATED, Treatment, read_treatment
from server.config import ServerConfig
from server.features_file import FeaturesFile, read_features
from server.growthbook_provider import GrowthBookProvider, prepared
from server.resolver import Resolver, Subject
from server.variants import ALL_CONTROL, LAYERS, Choice

RANKING, COPY, SLATE = (f"slatewright.{layer}" for layer in LAYERS)
B = {"variant": "b", "ranker": "fused"}


def write(path: Path, features: dict[str, Any], **payload: Any) -> Path:
    path.write_text(json.dumps({"status": 200, "features": features, **payload}))
    return path


def halves(value: Any, **rule: Any) -> dict[str, Any]:
    return {"defaultValue": {}, "rules": [{"variations": [{}, value], "weights": [0.5, 0.5], **rule}]}


def subject(unit: str, **attributes: str) -> Subject:
    return Subject(unit, {"id": unit, "user_id": unit, **attributes})


def of_file(path: Path, *, live_copy: bool = False) -> Resolver:
    file = FeaturesFile(path, live_copy=live_copy, prepare=prepared)
    provider = GrowthBookProvider()
    resolver = Resolver(provider, inline=True, live_copy=live_copy)
    provider.use(file.features.prepared)
    resolver.use(file.features.known)
    return resolver


def fallbacks(layer: str, reason: str) -> float:
    return REGISTRY.get_sample_value("slatewright_variant_fallbacks_total", {"layer": layer, "reason": reason}) or 0.0


async def names(resolver: Resolver, layer: str, n: int = 2_000, **attributes: str) -> Counter[str]:
    chosen = [await resolver.choose(subject(f"u{i}", **attributes), {}) for i in range(n)]
    return Counter(choice.names[layer] for choice in chosen)


@pytest.mark.parametrize(
    ("features", "says"),
    [
        (
            {RANKING: {"defaultValue": {"variant": "b", "boost": 1}}},
            "slatewright.ranking, defaultValue: .*boost is no set",
        ),
        (
            {RANKING: {"defaultValue": {"variant": "b", "mode": "off"}}},
            "mode is no setting of this layer; known are bundle",
        ),
        ({SLATE: halves({"variant": "b", "explore": {"slot": 1}})}, "rule 1: variant 'b': explore.slot is no setting"),
        ({SLATE: halves({"variant": "b", "explore": {"epsilon": 2}})}, "explore.epsilon is 2; expected 0 to 1"),
        ({SLATE: halves({"variant": "b", "explore": {"slots": 1.5}})}, "explore.slots is 1.5; expected a whole number"),
        (
            {SLATE: halves({"variant": "b", "diversity": {"trade_off": -1}})},
            "diversity.trade_off is -1; expected 0 to 1",
        ),
        ({SLATE: halves({"variant": "b", "diversity": 3})}, "diversity is 3; expected an object"),
        ({RANKING: halves({"variant": "b", "quotas": {"als": -1}})}, "quotas.als is -1; expected a whole number"),
        ({RANKING: halves({"variant": "b", "quotas": {"best": 1}})}, "quotas.best is no setting; known are als"),
        ({RANKING: halves({"variant": "b", "ranker": "best"})}, "ranker is 'best'; expected one of learned, fused"),
        ({RANKING: halves({"variant": "b", "bundle": "../x"})}, "bundle is '../x'; expected a version"),
        ({COPY: halves({"variant": "b", "mode": "live"})}, "start the server with --copy live"),
        ({COPY: halves({"variant": "b", "mode": "loud"})}, "mode is 'loud'; expected one of off, template"),
        ({COPY: halves({"variant": "b", "prompt_version": "pitch-0"})}, "prompt_version is 'pitch-0'; expected pitch-"),
        ({COPY: halves({"variant": "b", "voice": "warm"})}, "voice is no setting of this layer"),
        ({RANKING: halves({"ranker": "fused"})}, "variant is None; expected a name"),
        ({RANKING: halves("b")}, "a value is 'b'; expected an object"),
        ({RANKING: halves({"variant": "control", "ranker": "fused"})}, "control is"),
        ({RANKING: {"rules": [{"force": B}, {"force": {"variant": "b"}}]}}, "'b' has other settings elsewhere"),
        ({"slatewright.colour": {}}, "slatewright.colour is no layer; known are slatewright.ranking"),
        ({RANKING: halves(B, coverage=2)}, "rule 1: coverage is 2; expected 0 to 1"),
        ({RANKING: {"rules": [{"variations": [{}, B], "weights": [1]}]}}, "weights are .*; expected one per variation"),
        ({RANKING: {"rules": [{"variations": [B]}]}}, "variations are no list of two or more"),
        ({RANKING: halves(B, namespace=["x", 0])}, "namespace is .*; expected .name, from, to."),
        ({RANKING: halves(B, condition=[])}, "condition is .*; expected an object"),
        ({RANKING: {"rules": {"a": 1}}}, "rules are no list"),
        ({RANKING: halves(B, parentConditions=[{"id": "gate"}])}, "prerequisite 'gate' is no feature of the file"),
        ({RANKING: 3}, "a feature is 3; expected an object"),
        (
            {RANKING: {"rules": [{"force": {"variant": v, "bundle": v}} for v in "abc"]}},
            "variants name 3 bundles; expected at most 2",
        ),
    ],
)
def test_what_cannot_be_served_is_an_error_when_the_file_is_loaded(
    tmp_path: Path, features: dict[str, Any], says: str
) -> None:
    """ConfigError with file, feature, rule, variant and setting."""
    with pytest.raises(ConfigError, match=says):
        read_features(write(tmp_path / "features.json", features), live_copy=False)


@pytest.mark.parametrize(
    ("text", "says"), [("{", "is not JSON"), ("[]", "holds no object"), ('{"encryptedFeatures": "x"}', "is encrypted")]
)
def test_a_file_of_another_kind_is_named(tmp_path: Path, text: str, says: str) -> None:
    """What GrowthBook would not export so is one clear error, and so is no file."""
    path = tmp_path / "features.json"
    with pytest.raises(ConfigError, match="cannot be read"):
        read_features(path, live_copy=False)
    path.write_text(text)
    with pytest.raises(ConfigError, match=says):
        read_features(path, live_copy=False)


def test_a_response_and_a_bare_map_mean_the_same_and_other_features_are_let_be(tmp_path: Path) -> None:
    """Both shapes GrowthBook gives out are read; a feature of another application may hold anything."""
    features = {RANKING: halves(B), "checkout-colour": {"defaultValue": "red"}, "dark": {"defaultValue": True}}
    whole = read_features(write(tmp_path / "a.json", features), live_copy=False)
    (tmp_path / "b.json").write_text(json.dumps(features))
    bare = read_features(tmp_path / "b.json", live_copy=False)
    assert whole.known == bare.known
    assert whole.known["ranking"]["b"].treatment == Treatment(ranker="fused")
    assert list(whole.known["copy"]) == ["control"]


def test_a_changed_file_counts_and_a_wrong_one_keeps_the_last_good(tmp_path: Path, capfd: Any) -> None:
    """Told once in the log; a file the SDK cannot read is refused like one we cannot."""
    path = write(tmp_path / "features.json", {RANKING: halves(B)})
    file = FeaturesFile(path, live_copy=False, prepare=prepared)
    first = file.features
    write(path, {RANKING: halves({"variant": "c"})})
    assert file.poll()
    second = file.features
    assert set(second.known["ranking"]) == {"control", "c"}
    for bad in ({RANKING: halves({"variant": "c", "x": 1})}, {RANKING: halves(B), "other": 1}):
        write(path, bad)
        assert [file.poll() for _ in range(3)] == [False] * 3
    path.unlink()
    assert not file.poll()
    assert file.features is second
    assert capfd.readouterr().err.count("features_refused") == 3
    write(path, {RANKING: halves(B)})
    assert file.poll()
    assert file.features.known == first.known


async def test_weights_and_coverage_are_met_and_a_user_keeps_their_variant(tmp_path: Path) -> None:
    """Shares as planned within five standard errors; the experiment names whom it assigned, and nobody else."""
    rule = {"key": "exp-1", "variations": [{}, B, {"variant": "c"}], "weights": [0.5, 0.3, 0.2], "coverage": 0.8}
    resolver = of_file(write(tmp_path / "f.json", {RANKING: {"defaultValue": {}, "rules": [rule]}}))
    chosen = [await resolver.choose(subject(f"u{i}"), {}) for i in range(4_000)]
    again = [await resolver.choose(subject(f"u{i}"), {}) for i in range(4_000)]
    assert chosen == again
    inside = [choice for choice in chosen if choice.experiments]
    assert all(choice.experiments == {"ranking": "exp-1"} for choice in inside)
    assert abs(len(inside) / 4_000 - 0.8) < 5 * (0.8 * 0.2 / 4_000) ** 0.5
    shares = Counter(choice.names["ranking"] for choice in inside)
    for name, planned in (("control", 0.5), ("b", 0.3), ("c", 0.2)):
        assert abs(shares[name] / len(inside) - planned) < 5 * (planned * (1 - planned) / len(inside)) ** 0.5
    assert {choice.names["ranking"] for choice in chosen if not choice.experiments} == {"control"}
    resolver.close()


async def test_layers_are_independent(tmp_path: Path) -> None:
    """With halves in two layers, all four combinations come in quarters."""
    features = {RANKING: halves(B), SLATE: halves({"variant": "x", "explore": {"slots": 1}})}
    resolver = of_file(write(tmp_path / "f.json", features))
    chosen = [await resolver.choose(subject(f"u{i}"), {}) for i in range(4_000)]
    pairs = Counter((choice.names["ranking"], choice.names["slate"]) for choice in chosen)
    assert len(pairs) == 4
    assert all(abs(n - 1_000) < 5 * (4_000 * 0.25 * 0.75) ** 0.5 for n in pairs.values())
    both = next(choice for choice in chosen if choice.names == {"ranking": "b", "copy": "control", "slate": "x"})
    assert both.treatment == Treatment(ranker="fused", explore=ExploreConfig(slots=1))
    resolver.close()


async def test_namespaces_exclude_each_other(tmp_path: Path) -> None:
    """Two experiments in halves of one namespace share no user; each in its own rule of one layer."""
    rules = [
        {"key": "one", "variations": [{}, B], "namespace": ["ns", 0, 0.5]},
        {"key": "two", "variations": [{}, {"variant": "c"}], "namespace": ["ns", 0.5, 1]},
    ]
    resolver = of_file(write(tmp_path / "f.json", {RANKING: {"defaultValue": {}, "rules": rules}}))
    chosen = [await resolver.choose(subject(f"u{i}"), {}) for i in range(2_000)]
    by = {e: {c.names["ranking"] for c in chosen if c.experiments.get("ranking") == e} for e in ("one", "two")}
    assert by == {"one": {"control", "b"}, "two": {"control", "c"}}
    assert abs(sum(c.experiments["ranking"] == "one" for c in chosen) - 1_000) < 5 * 500**0.5
    resolver.close()


async def test_forced_values_and_targeting(tmp_path: Path) -> None:
    """Conditions on the call's attributes, saved groups, a forced value to a share; the first rule that fits wins."""
    rules = [
        {"condition": {"country": "DE", "device": {"$in": ["phone"]}}, "force": {"variant": "de"}},
        {"condition": {"id": {"$inGroup": "staff"}}, "force": {"variant": "staff"}},
        {"condition": {"placement": "cart"}, "force": B, "coverage": 0.25, "hashAttribute": "id"},
    ]
    path = write(tmp_path / "f.json", {RANKING: {"defaultValue": {}, "rules": rules}}, savedGroups={"staff": ["u3"]})
    resolver = of_file(path)
    assert await names(resolver, "ranking", 50, country="DE", device="phone") == {"de": 50}
    assert await names(resolver, "ranking", 50, country="DE", device="tv") == {"control": 49, "staff": 1}
    cart = await names(resolver, "ranking", placement="cart")
    assert abs(cart["b"] / 2_000 - 0.25) < 5 * (0.25 * 0.75 / 2_000) ** 0.5
    assert not (await resolver.choose(subject("u1", country="DE", device="phone"), {})).experiments
    resolver.close()


class Unruly(AbstractProvider):
    """Another's provider that does what it is told to."""

    def __init__(self, act: Any) -> None:
        super().__init__()
        self.act = act

    def get_metadata(self) -> Metadata:
        """Its name."""
        return Metadata("unruly")

    def resolve_object_details(self, flag_key: str, default_value: Any, evaluation_context: Any = None) -> Any:
        """Whatever the test says."""
        return self.act(flag_key, evaluation_context)

    resolve_boolean_details = resolve_string_details = resolve_object_details
    resolve_integer_details = resolve_float_details = resolve_object_details


async def test_a_provider_that_fails_gives_the_control_and_is_counted() -> None:
    """An exception, a value we cannot serve, and a flag it does not know: the last one is no failure."""

    def act(flag_key: str, _context: Any) -> Any:
        if flag_key == RANKING:
            raise RuntimeError("down")
        if flag_key == COPY:
            return FlagResolutionDetails({"variant": "b", "voice": "warm"})
        raise FlagNotFoundError

    before = {layer: fallbacks(layer, "error") for layer in LAYERS}
    resolver = Resolver(Unruly(act), inline=False, live_copy=False, budget_s=5)
    choice = await resolver.choose(subject("u"), {})
    assert choice.names == ALL_CONTROL.names
    assert choice.fallbacks == {"ranking": "error", "copy": "error"}
    assert {layer: fallbacks(layer, "error") - before[layer] for layer in LAYERS} == {
        "ranking": 1,
        "copy": 1,
        "slate": 0,
    }
    resolver.close()


async def test_a_slow_provider_holds_no_call_and_is_left_alone_after_a_while() -> None:
    """The control serves after the budget; after eight late answers it serves at once for a second."""
    resolver = Resolver(Unruly(lambda *_: time.sleep(0.5)), inline=False, live_copy=False, budget_s=0.02)
    before, took = fallbacks("slate", "slow"), []
    for _ in range(12):
        started = time.monotonic()
        choice = await resolver.choose(subject("u"), {})
        took.append(time.monotonic() - started)
        assert choice.names == ALL_CONTROL.names
        assert choice.fallbacks == dict.fromkeys(LAYERS, "slow")
    assert max(took) < 0.3
    assert max(took[8:]) < 0.01
    assert fallbacks("slate", "slow") - before == 12
    resolver.close()


async def test_anothers_provider_brings_its_own_variants_and_bundles() -> None:
    """Values are read as those of a file; bundles beyond two fall to the control."""
    wanted: list[frozenset[str]] = []

    def act(flag_key: str, context: Any) -> Any:
        if flag_key != RANKING:
            raise FlagNotFoundError
        name = context.attributes["user_id"]
        return FlagResolutionDetails({"variant": name, "bundle": f"bundle-{name}"})

    resolver = Resolver(Unruly(act), inline=False, live_copy=False, budget_s=5)
    resolver.on_bundles = wanted.append
    found = [await resolver.choose(subject(name), {}) for name in ("a", "b", "a", "c")]
    assert [choice.bundle for choice in found] == ["bundle-a", "bundle-b", "bundle-a", ""]
    assert wanted == [frozenset({"bundle-a"}), frozenset({"bundle-a", "bundle-b"})]
    assert found[3].fallbacks == {"ranking": "error"}
    resolver.close()


def test_a_treatment_is_what_it_says_and_nothing_more() -> None:
    """Settings of two layers join; unset tables are the bundle's."""
    ranking = read_treatment({"quotas": {"als": 7}, "ranker": "fused"})
    slate = read_treatment({"explore": {"slots": 2, "epsilon": 1}})
    assert ranking.joined(slate) == Treatment({"als": 7}, "fused", None, ExploreConfig(slots=2, epsilon=1))
    assert UNTREATED.joined(UNTREATED) is UNTREATED
    assert isinstance(ALL_CONTROL, Choice)
    assert ALL_CONTROL.treatment is UNTREATED


def test_a_server_without_features_imports_nothing_of_experiments() -> None:
    """Neither SDK is loaded by all a worker imports."""
    code = "import sys, server.lifecycle; sys.exit(any(m in sys.modules for m in ('growthbook', 'openfeature')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_provider_must_be_named_as_module_and_factory() -> None:
    """ConfigError when the settings are read."""
    with pytest.raises(ConfigError, match="expected module:factory"):
        ServerConfig(provider="my provider")


async def test_prerequisites_gate_a_layer(tmp_path: Path) -> None:
    """A feature of another application may switch an experiment on."""
    parents = [{"id": "gate", "condition": {"value": True}}]
    for on in (True, False):
        features = {"gate": {"defaultValue": on}, RANKING: {"rules": [{"force": B, "parentConditions": parents}]}}
        resolver = of_file(write(tmp_path / "f.json", features))
        assert set(await names(resolver, "ranking", 5)) == {"b" if on else "control"}
        resolver.close()


async def test_a_provider_of_the_operators_own_is_asked(open_shop: Any, tmp_path: Path, capfd: Any) -> None:
    """Named in the settings; one that fails fails no call and is told once; names of a file can be overridden to."""
    module = tmp_path / "own_provider.py"
    module.write_text(
        "from tests.unit.server.test_variants import Unruly\n"
        "def working():\n    from openfeature.flag_evaluation import FlagResolutionDetails\n"
        "    return Unruly(lambda *_: FlagResolutionDetails({'variant': 'mine'}))\n"
        "def failing():\n    return Unruly(lambda *_: 1 / 0)\n"
    )
    sys.path.insert(0, str(tmp_path))
    features = write(tmp_path / "features.json", {RANKING: {"defaultValue": B}})
    try:
        async with open_shop(provider="own_provider:working", features=features) as shop:
            assert set(dict((await shop.recommend(user_id="u")).variants).values()) == {"mine"}
            asked = await shop.recommend(user_id="u", variant_overrides={"ranking": "b"})
            assert dict(asked.variants)["ranking"] == "b"
        capfd.readouterr()
        async with open_shop(provider="own_provider:failing") as shop:
            for _ in range(5):
                assert dict((await shop.recommend(user_id="u")).variants) == ALL_CONTROL.names
        log = capfd.readouterr().err
        assert log.count('"variant_failed"') == 1
        assert "library_message" not in log
        for name, says in (
            ("own_provider:none", "cannot be imported"),
            ("os:getcwd", "expected an OpenFeature provider"),
        ):
            with pytest.raises(ConfigError, match=says):
                async with open_shop(provider=name):
                    pass
    finally:
        sys.path.remove(str(tmp_path))


async def test_a_variant_may_name_the_bundle_that_serves(open_shop: Any, publish_bundle: Any, tmp_path: Path) -> None:
    """It is opened once, and stays with the variant when CURRENT moves on."""
    async with open_shop() as donor:
        kind = type(donor.fake)
    opened: list[str] = []
    publish_bundle("v1")
    path = write(tmp_path / "features.json", {RANKING: {"defaultValue": {"variant": "b", "bundle": "v1"}}})

    def open_bundle(bundle: Path) -> Any:
        opened.append(bundle.name)
        return kind(bundle.name)

    async with open_shop(features=path, open_bundle=open_bundle) as shop:
        assert (await shop.recommend(user_id="u")).variants["ranking"] == "b"
        publish_bundle("v2")
        end = time.monotonic() + 10
        while shop.up.bundles.serving().manifest["version"] != "v2":
            assert time.monotonic() < end
            await asyncio.sleep(0.02)
        assert (await shop.recommend(user_id="u")).bundle_version == "v1"
        named = await shop.recommend(user_id="u", variant_overrides={"ranking": "control"})
        assert named.bundle_version == "v2"
    assert opened == ["v1", "v2"]


async def test_switching_variants_over_the_wire(open_shop: Any, tmp_path: Path, refused: Any) -> None:
    """A switched file is in force within 2 s and fails no call; overrides name a variant of the file or are refused."""
    path = write(tmp_path / "features.json", {RANKING: {"defaultValue": B}, COPY: {"defaultValue": {}}})
    async with open_shop(features=path, poll_s=1.0) as shop:
        answer = await shop.recommend(user_id="u")
        assert dict(answer.variants) == {"ranking": "b", "copy": "control", "slate": "control"}
        assert shop.fake.treatments[-1] == Treatment(ranker="fused")
        stop = asyncio.Event()
        seen: list[tuple[float, str]] = []

        async def calling() -> None:
            while not stop.is_set():
                seen.append((time.monotonic(), dict((await shop.recommend(user_id="u")).variants)["ranking"]))

        callers = [asyncio.create_task(calling()) for _ in range(4)]
        await asyncio.sleep(0.2)
        switched = time.monotonic()
        write(path, {RANKING: {"defaultValue": {"variant": "c"}}, COPY: halves({"variant": "silent", "mode": "off"})})
        await asyncio.sleep(2)
        stop.set()
        await asyncio.gather(*callers)
        assert {name for at, name in seen if at < switched} == {"b"}
        assert {name for at, name in seen if at > switched + 1.9} == {"c"}
        named = await shop.recommend(user_id="u", variant_overrides={"copy": "silent", "ranking": "control"})
        assert dict(named.variants) == {"ranking": "control", "copy": "silent", "slate": "control"}
        assert not any(item.HasField("pitch") for item in named.items)
        _, message, _, _ = await refused(shop.recommend(variant_overrides={"copy": "loud"}))
        assert "a variant among control, silent" in message


async def test_copy_follows_its_variant_unless_the_call_asks(open_shop: Any, tmp_path: Path) -> None:
    """A mode in the request is the caller's wish; without one the variant's mode counts."""
    path = write(tmp_path / "features.json", {COPY: {"defaultValue": {"variant": "t", "mode": "off"}}})
    async with open_shop(features=path) as shop:
        assert not any(item.HasField("pitch") for item in (await shop.recommend(user_id="u")).items)
        asked = await shop.recommend(user_id="u", copy={"mode": 2})
        assert all(item.HasField("pitch") for item in asked.items)


async def test_bundles_of_variants_live_beside_the_current_one(
    open_shop: Any, publish_bundle: Any, tmp_path: Path
) -> None:
    """Loaded in the background, brought up to date with item updates, held, and let go of with the variant; until one
    is there its variant is the control, counted.
    """
    from recsys import lease

    async with open_shop() as donor:
        kind = type(donor.fake)
    made: dict[str, Any] = {}
    folder = tmp_path / "bundles"
    publish_bundle("v2")
    publish_bundle("v1")
    path = write(tmp_path / "features.json", {RANKING: {"defaultValue": {"variant": "b", "bundle": "v2"}}})

    def opened(bundle: Path) -> Any:
        return made.setdefault(bundle.name, kind(bundle.name))

    async def until(bundle: str) -> Any:
        end = time.monotonic() + 10
        while (answer := await shop.recommend(user_id="u")).bundle_version != bundle:
            assert time.monotonic() < end
            await asyncio.sleep(0.02)
        return answer

    async with open_shop(features=path, open_bundle=opened) as shop:
        assert dict((await until("v2")).variants)["ranking"] == "b"
        assert shop.up.bundles.serving() is made["v1"]
        assert lease.held(folder / "v2")
        update = {"item_id": "i3", "price": 1.5}
        from slatewright.v1 import feedback_pb2

        await shop.feedback.UpdateItems(feedback_pb2.UpdateItemsRequest(items=[feedback_pb2.ItemUpdate(**update)]))
        await shop.recommend(user_id="u")  # behind the update
        assert [made[name].price["i3"] for name in ("v1", "v2")] == [1.5, 1.5]
        before = fallbacks("ranking", "bundle")
        write(path, {RANKING: {"defaultValue": {"variant": "c", "bundle": "v3"}}})
        answer = await until("v1")
        assert dict(answer.variants)["ranking"] == "control"
        assert fallbacks("ranking", "bundle") > before
        made["v2"] = None
        publish_bundle("v3")
        (folder / "CURRENT").write_text("v1")
        assert dict((await until("v3")).variants)["ranking"] == "c"
        assert made["v3"].price["i3"] == 1.5
        assert not lease.held(folder / "v2")
