"""Claims-law packs are versioned data, and each region's is complete."""

from __future__ import annotations

import re

import pytest

from copywriter.checks.claims_law import POLICY_VERSION
from copywriter.errors import PolicyError
from copywriter.facts import fact_sheet
from copywriter.gate import review
from copywriter.policies import DEFAULT_REGION, REGIONS, pack

WIPES = fact_sheet(
    {
        "title": "Corvane Gentle Face Wash, Dermatologist Tested, 8 fl oz",
        "brand": "Corvane",
        "category": ["Beauty", "Face Wash"],
        "attributes": {"Dermatologist Tested": "Yes"},
    }
)


def test_served_copy_is_keyed_by_the_default_pack() -> None:
    """A changed pack withdraws cached copy."""
    assert pack(DEFAULT_REGION).version == POLICY_VERSION


@pytest.mark.parametrize("region", REGIONS)
def test_every_pack_names_its_version_and_its_rules_once(region: str) -> None:
    """A version says region, month and number; what a pack extends comes first."""
    law = pack(region)
    assert re.fullmatch(rf"{region}-\d{{4}}\.\d{{2}}\.\d+", law.version)
    names = [rule.name for rule in law.rules]
    assert names[: len(pack("us").rules)] == [rule.name for rule in pack("us").rules]


def test_an_unknown_region_is_an_error_with_the_choice() -> None:
    """The message names what there is."""
    with pytest.raises(PolicyError, match="us, eu, cn"):
        pack("atlantis")


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("Dermatologist-tested face wash by Corvane, 8 fl oz.", True),
        ("Corvane face wash, tested by dermatologists.", True),
        ("Corvane face wash, dermatologist recommended.", False),
    ],
)
def test_a_fact_excuses_its_own_words_only(text: str, passes: bool) -> None:
    """What the attributes state is no claim of the pitch; a word more is."""
    assert review(text, WIPES).passed is passes


def test_law_of_the_eu_sends_a_stated_cosmetic_claim_to_a_person() -> None:
    """Regulation (EU) 655/2013 asks for evidence that a catalogue does not hold."""
    verdict = review("Dermatologist-tested face wash by Corvane, 8 fl oz.", WIPES, policy="eu")
    assert verdict.decision == "REVIEW"
