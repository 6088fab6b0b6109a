"""Titles cut where English allows it."""

from __future__ import annotations

import pytest

from copywriter.naming import spoken_category, spoken_name


@pytest.mark.parametrize(
    ("title", "name"),
    [
        (
            "AmazonBasics 8-Sheet Strip-Cut Paper, CD, and Credit Card Shredder",
            "AmazonBasics 8-Sheet Strip-Cut Paper, CD, and Credit Card Shredder",
        ),
        (
            "Aurora 8-Sheet Strip-Cut Paper, CD and Credit Card Shredder with Basket",
            "Aurora 8-Sheet Strip-Cut Paper, CD and Credit Card Shredder",
        ),
        ("Remington H-1015 Ceramic Compact, Large and Medium Roller",) * 2,
        ("Halden Body Wash 3-in-1 Body, Hair & Face, 16.9-Ounce Bottle", "Halden Body Wash 3-in-1 Body, Hair & Face"),
        ("Gift bags, tags, tissue and boxes, 5 count", "Gift bags, tags, tissue and boxes"),
        ("Canned kidney, pinto and other beans, 15 oz", "Canned kidney, pinto and other beans"),
        ("Hygloss Products, Inc. Magnetic Tape, Self-Adhesive", "Hygloss Products, Inc. Magnetic Tape"),
        (
            "Canon PIXMA MG3620 Wireless All-In-One Color Inkjet Printer with Mobile and Tablet Printing, Black",
            "Canon PIXMA MG3620 Wireless All-In-One Color Inkjet Printer",
        ),
        ("Set of 4 Pilot Parallel Calligraphy Pens 1.5, 2.4, 3.8, 6.0 mm", "Set of 4 Pilot Parallel Calligraphy Pens"),
        ("Smead Poly File, 12 Pockets, Flap and Cord Closure", "Smead Poly File"),
        ("Halden Lip Balm SPF 30, 6 Ounce", "Halden Lip Balm SPF 30"),
        ("Anti-Frizz Serum for for fizzy hair", ""),
        ("Balloons 18 in package non, 18 in", ""),
        ("All other other wines", ""),
        ("Baby acc toys", ""),
        ("Christmas lights section", ""),
        ("Ham, spiral", ""),
        ("Pork, loin, stick or chp or slices", ""),
        ("Antacid, store brand", "Antacid"),
    ],
)
def test_a_cut_keeps_the_thing(title: str, name: str) -> None:
    """A list stays whole, a phrase is not cut in the middle, shorthand is no name."""
    assert spoken_name(title) == name


@pytest.mark.parametrize(
    ("level", "noun"), [("Christmas lights", "Christmas lights"), ("Turkey", "turkey"), ("Nail Polish", "nail polish")]
)
def test_a_category_keeps_its_proper_nouns(level: str, noun: str) -> None:
    """A feast has a capital, a bird and a varnish have none."""
    assert spoken_category(level) == noun
