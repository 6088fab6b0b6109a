"""Amounts read from titles."""

from __future__ import annotations

import pytest

from copywriter import quantities


@pytest.mark.parametrize(
    ("text", "shown", "base"),
    [
        ("14.5 OZ", "14.5 oz", 411.07),
        ("750 ML", "750 ml", 750),
        ("1/2 GAL", "0.5 gal", 1892.71),
        ("30 CT", "30-count", 30),
        ("6 Pack", "pack of 6", 6),
        ("Set of 24", "set of 24", 24),
        ("0.5 Fluid Ounce", "0.5 fl oz", 14.787),
        ("3.3 Ounces", "3.3 oz", 93.553),
        ('3/4"', "0.75 in", 19.05),
        ("4 3/8 OZ", "4.375 oz", 124.03),
        ("280 g", "280 g", 280),
        ("2 Dozen", "24-count", 24),
        ("7-Ounce", "7 oz", 198.45),
    ],
)
def test_a_quantity_is_read_with_its_unit(text: str, shown: str, base: float) -> None:
    """Spellings of one amount give one unit and one base amount."""
    (found,) = quantities.parse(f"Thing, {text}")
    assert quantities.shown(found) == shown
    assert found.base == pytest.approx(base, rel=1e-3)


@pytest.mark.parametrize(
    "text",
    [
        "12/8.3 OZ",
        "12/20 CT",
        "12 in black",
        "3 in 1",
        "70-260G-60",
        "2941818 PK",
        "600D nylon",
        "under 15 lb",
        "up to 20 lb",
        "1/8 W x 324 L Inches",
    ],
)
def test_an_ambiguous_number_is_no_quantity(text: str) -> None:
    """A number that may mean something else is no fact."""
    assert quantities.parse(text) == ()


def test_equal_amounts_in_other_units_are_the_same() -> None:
    """0.28 kg equals 280 g; 8 oz does not equal 8 fl oz."""
    (kilos,), (grams,) = quantities.parse("0.28 kg"), quantities.parse("280 g")
    (ounces,), (fluid,) = quantities.parse("8 oz"), quantities.parse("8 fl oz")
    assert kilos.same_as(grams)
    assert not ounces.same_as(fluid)
