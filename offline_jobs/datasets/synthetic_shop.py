"""What the generated shop sells: 24 categories, invented brands and checkable item facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

PLACEMENTS: Final = ("home", "category", "cart")


@dataclass(frozen=True, slots=True)
class Category:
    """One kind of goods: `path` root first, price range in the shop's currency, weight in grams."""

    path: tuple[str, str, str]
    noun: str
    use: str
    price: tuple[float, float]
    weight_g: tuple[int, int]
    materials: tuple[str, ...]
    sizes: tuple[str, ...]


CATEGORIES: Final = (
    Category(
        path=("Kitchen", "Cookware", "Frying pans"),
        noun="frying pan",
        use="for searing and frying",
        price=(19, 95),
        weight_g=(700, 2200),
        materials=("cast iron", "aluminium", "stainless steel"),
        sizes=("20 cm", "24 cm", "28 cm"),
    ),
    Category(
        path=("Kitchen", "Cookware", "Saucepans"),
        noun="saucepan",
        use="for sauces and small portions",
        price=(15, 80),
        weight_g=(500, 1800),
        materials=("copper", "stainless steel", "enamelled steel"),
        sizes=("1 l", "2 l", "3 l"),
    ),
    Category(
        path=("Kitchen", "Knives", "Chef's knives"),
        noun="chef's knife",
        use="for chopping and slicing",
        price=(18, 160),
        weight_g=(120, 320),
        materials=("carbon steel", "stainless steel", "Damascus steel"),
        sizes=("15 cm", "20 cm", "25 cm"),
    ),
    Category(
        path=("Kitchen", "Tableware", "Mugs"),
        noun="mug",
        use="for hot drinks",
        price=(5, 28),
        weight_g=(220, 480),
        materials=("stoneware", "porcelain", "enamelled steel"),
        sizes=("250 ml", "330 ml", "450 ml"),
    ),
    Category(
        path=("Kitchen", "Tea and coffee", "Teapots"),
        noun="teapot",
        use="for loose-leaf tea",
        price=(14, 75),
        weight_g=(400, 1300),
        materials=("cast iron", "glass", "porcelain"),
        sizes=("0.6 l", "0.9 l", "1.2 l"),
    ),
    Category(
        path=("Home", "Lighting", "Desk lamps"),
        noun="desk lamp",
        use="for reading and work",
        price=(20, 120),
        weight_g=(600, 2600),
        materials=("brass", "aluminium", "beech wood"),
        sizes=("35 cm", "45 cm", "60 cm"),
    ),
    Category(
        path=("Home", "Lighting", "Lanterns"),
        noun="lantern",
        use="for candles and porches",
        price=(9, 55),
        weight_g=(300, 1500),
        materials=("zinc", "glass", "bamboo"),
        sizes=("18 cm", "25 cm", "40 cm"),
    ),
    Category(
        path=("Home", "Textiles", "Wool blankets"),
        noun="blanket",
        use="for the sofa or the bed",
        price=(29, 160),
        weight_g=(700, 1900),
        materials=("merino wool", "lambswool", "alpaca wool"),
        sizes=("130 x 170 cm", "150 x 200 cm"),
    ),
    Category(
        path=("Home", "Textiles", "Cushions"),
        noun="cushion",
        use="for chairs and sofas",
        price=(9, 48),
        weight_g=(250, 800),
        materials=("linen", "cotton velvet", "cotton"),
        sizes=("40 x 40 cm", "50 x 50 cm"),
    ),
    Category(
        path=("Home", "Storage", "Baskets"),
        noun="basket",
        use="for laundry, toys or firewood",
        price=(8, 60),
        weight_g=(300, 1600),
        materials=("seagrass", "rattan", "willow"),
        sizes=("small", "medium", "large"),
    ),
    Category(
        path=("Garden", "Tools", "Secateurs"),
        noun="secateurs",
        use="for roses and shrubs",
        price=(12, 70),
        weight_g=(180, 320),
        materials=("carbon steel", "stainless steel"),
        sizes=("18 cm", "21 cm"),
    ),
    Category(
        path=("Garden", "Pots", "Planters"),
        noun="planter",
        use="for herbs and flowers",
        price=(7, 90),
        weight_g=(500, 6000),
        materials=("terracotta", "zinc", "glazed stoneware"),
        sizes=("14 cm", "22 cm", "30 cm"),
    ),
    Category(
        path=("Garden", "Watering", "Watering cans"),
        noun="watering can",
        use="for beds and house plants",
        price=(11, 52),
        weight_g=(350, 1500),
        materials=("galvanised steel", "copper", "recycled plastic"),
        sizes=("1.5 l", "5 l", "9 l"),
    ),
    Category(
        path=("Outdoor", "Camping", "Tents"),
        noun="tent",
        use="for three-season camping",
        price=(70, 420),
        weight_g=(1400, 6200),
        materials=("ripstop nylon", "polyester", "cotton canvas"),
        sizes=("1 person", "2 persons", "4 persons"),
    ),
    Category(
        path=("Outdoor", "Camping", "Sleeping bags"),
        noun="sleeping bag",
        use="for nights outdoors",
        price=(35, 260),
        weight_g=(700, 2100),
        materials=("ripstop nylon", "polyester"),
        sizes=("185 cm", "200 cm", "215 cm"),
    ),
    Category(
        path=("Outdoor", "Carry", "Backpacks"),
        noun="backpack",
        use="for day trips and travel",
        price=(30, 190),
        weight_g=(450, 1900),
        materials=("waxed cotton", "recycled polyester", "cordura"),
        sizes=("15 l", "25 l", "45 l"),
    ),
    Category(
        path=("Outdoor", "Drink", "Bottles"),
        noun="bottle",
        use="for drinks on the way",
        price=(9, 42),
        weight_g=(140, 520),
        materials=("stainless steel", "glass", "aluminium"),
        sizes=("0.5 l", "0.75 l", "1 l"),
    ),
    Category(
        path=("Stationery", "Paper", "Notebooks"),
        noun="notebook",
        use="for notes and sketches",
        price=(4, 32),
        weight_g=(110, 520),
        materials=("recycled paper", "cotton paper"),
        sizes=("A6", "A5", "A4"),
    ),
    Category(
        path=("Stationery", "Writing", "Fountain pens"),
        noun="fountain pen",
        use="for letters and journals",
        price=(15, 180),
        weight_g=(14, 46),
        materials=("brass", "aluminium", "resin"),
        sizes=("fine nib", "medium nib", "broad nib"),
    ),
    Category(
        path=("Stationery", "Art", "Watercolour sets"),
        noun="watercolour set",
        use="for painting at home and outdoors",
        price=(12, 95),
        weight_g=(120, 900),
        materials=("tin", "beech wood"),
        sizes=("12 pans", "24 pans", "36 pans"),
    ),
    Category(
        path=("Clothing", "Knitwear", "Jumpers"),
        noun="jumper",
        use="for cool days",
        price=(35, 190),
        weight_g=(320, 900),
        materials=("merino wool", "lambswool", "organic cotton"),
        sizes=("S", "M", "L", "XL"),
    ),
    Category(
        path=("Clothing", "Accessories", "Scarves"),
        noun="scarf",
        use="for the neck and shoulders",
        price=(15, 110),
        weight_g=(90, 420),
        materials=("silk", "merino wool", "linen"),
        sizes=("70 x 70 cm", "30 x 180 cm"),
    ),
    Category(
        path=("Clothing", "Rainwear", "Raincoats"),
        noun="raincoat",
        use="for wet weather",
        price=(49, 240),
        weight_g=(380, 1200),
        materials=("waxed cotton", "recycled polyester"),
        sizes=("S", "M", "L", "XL"),
    ),
    Category(
        path=("Play", "Wooden toys", "Building blocks"),
        noun="building blocks",
        use="for building and stacking",
        price=(14, 85),
        weight_g=(500, 3200),
        materials=("beech wood", "maple wood"),
        sizes=("24 pieces", "50 pieces", "100 pieces"),
    ),
)
BRANDS: Final = (
    "Arvendal", "Brokkin", "Calloway & Thorn", "Dunmere", "Elmwick", "Fjordane", "Garrow", "Halvest",
    "Isenholm", "Jorvan", "Kestlebury", "Lomarel",
)  # fmt: skip
COLOURS: Final = (
    "moss green", "slate grey", "brick red", "navy blue", "ochre", "off-white", "black", "sand",
    "rust", "petrol blue",
)  # fmt: skip
ORIGINS: Final = ("Portugal", "Sweden", "Italy", "Japan", "Lithuania", "Germany", "India", "Slovenia")


def items_table(n_items: int, *, seed: int) -> pa.Table:
    """Items in canonical columns plus `item_row`; category by `item_row % len(CATEGORIES)`."""
    rng = np.random.default_rng([seed, 0])
    draws = {
        name: rng.integers(0, len(values), n_items)
        for name, values in (("brand", BRANDS), ("colour", COLOURS), ("origin", ORIGINS))
    }
    share = rng.random((n_items, 3))
    pick = rng.integers(0, 1 << 30, (n_items, 2))
    rated = rng.poisson(40, n_items)
    rows = []
    for row in range(n_items):
        kind = CATEGORIES[row % len(CATEGORIES)]
        brand = BRANDS[(draws["brand"][row] % 4 + 4 * (row % len(CATEGORIES))) % len(BRANDS)]
        colour, origin = COLOURS[draws["colour"][row]], ORIGINS[draws["origin"][row]]
        material = kind.materials[pick[row, 0] % len(kind.materials)]
        size = kind.sizes[pick[row, 1] % len(kind.sizes)]
        low, high = kind.price
        weight = kind.weight_g[0] + share[row, 1] * (kind.weight_g[1] - kind.weight_g[0])
        grams = f"{int(weight) // 10 * 10} g"
        rows.append(
            {
                "item_row": row,
                "item_id": f"i{row:07d}",
                "title": f"{brand} {material} {kind.noun}, {colour}, {size}",
                "category": list(kind.path),
                "brand": brand,
                "price": round(low + (high - low) * share[row, 0] ** 2, 2),
                "description": f"A {colour} {kind.noun} {kind.use}. Made of {material} in {origin}. "
                f"Weight {grams}, size {size}.",
                "attributes": {
                    "material": material,
                    "colour": colour,
                    "size": size,
                    "weight": grams,
                    "origin": origin,
                },
                "rating": round(3.2 + 1.8 * share[row, 2], 1) if rated[row] else None,
                "rating_count": int(rated[row]),
                "available": bool(row % 50 != 49),
            }
        )
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


_SCHEMA: Final = pa.schema(
    {
        "item_row": pa.int32(),
        "item_id": pa.string(),
        "title": pa.string(),
        "category": pa.list_(pa.string()),
        "brand": pa.string(),
        "price": pa.float64(),
        "description": pa.string(),
        "attributes": pa.map_(pa.string(), pa.string()),
        "rating": pa.float64(),
        "rating_count": pa.int64(),
        "available": pa.bool_(),
    }
)
