"""English wording. Each phrasing is true of any item of its pool and uses only neutral words."""

from __future__ import annotations

POOLS: dict[str, tuple[str, ...]] = {
    "category": (
        "You often shop for {noun}, so take a look at {body}.",
        "{Noun} on your list again? Consider {body}.",
        "From a section you know well: {body}.",
        "Since you often look for {noun}, consider {body}.",
        "Right in your usual aisle: {body}.",
        "For your next round of {noun}: {body}.",
        "Close to what you usually pick: {body}.",
        "Browsing {noun} again? Try {body}.",
        "Another option for your {noun} shopping: {body}.",
        "You know your way around {noun}, so consider {body}.",
        "In your kind of aisle: {body}.",
        "Back for {noun}? Add {body,} to your list.",
        "Keep {body,} in mind the next time you shop for {noun}.",
        "Going by your usual picks: {body}.",
    ),
    "brand": (
        "More from {brand}, a name you often pick: {body}.",
        "You often choose {brand}, so take a look at {body}.",
        "Another {brand} pick for your list: {body}.",
        "From {brand}, a brand you know well: {body}.",
        "Since {brand} is a usual pick of yours, consider {body}.",
    ),
    "store brand": (
        "You often pick store brands, so take a look at {body}.",
        "Another store brand pick for your list: {body}.",
        "The store brand option, as you often choose: {body}.",
    ),
    "because": (
        "Because you looked at {noun}: {body}.",
        "Since you were browsing {noun}, consider {body}.",
        "Still looking at {noun}? Consider {body}.",
        "You had a look at {noun}, so consider {body}.",
        "In line with your interest in {noun}: {body}.",
    ),
    "repeat": (
        "Something to come back to: {body}.",
        "For your regular list: {body}.",
        "If you like to keep a regular pick, try {body}.",
    ),
    "explore": (
        "Something to explore: {body}.",
        "For a change on your list, try {body}.",
        "Trying something different? Consider {body}.",
    ),
    "neutral": (
        "Worth a look: {body}.",
        "Take a look at {body}.",
        "A simple pick for your list: {body}.",
        "Something for your basket: {body}.",
        "How about {body}?",
        "For your next shopping trip: {body}.",
        "Looking for {noun}? Consider {body}.",
        "{Noun} on the list? Consider {body}.",
        "Add {body,} to your basket.",
        "Keep {body,} in mind for your next shopping trip.",
        "Next on your list, maybe: {body}.",
        "Here is an idea for your list: {body}.",
        "Shopping for {noun}? Try {body}.",
        "From the {noun} section: {body}.",
    ),
    "restricted": (
        "Listed here: {body}.",
        "Listed under {noun}: {body}.",
        "In the {noun} section: {body}.",
    ),
    "sensitive": (
        "Worth a look: {body}.",
        "Take a look at {body}.",
        "Here is an option to consider: {body}.",
        "Another option to consider: {body}.",
    ),
}
"""Pool -> phrasings. "sensitive" never speaks to the reader, "restricted" (tobacco, alcohol) never promotes."""

DETAILS: dict[str, str] = {
    "brand": " from {value}",
    "colour": " in {value}",
    "material": ", made of {value}",
    "flavour": ", {value} flavour",
    "flavor": ", {value} flavor",
    "scent": ", {value} scent",
    "roast": ", {value} roast",
    "finish": ", {value} finish",
    "size": ", {value}",
    "quantity": ", {value}",
    "count": ", {value}",
}
"""How a fact joins the name, in the order they are said."""

FALLBACKS: tuple[str, ...] = (
    "Looking for {noun}? Here is a pick to consider.",
    "A pick from the {noun} section, worth a look.",
    "Something to consider from the {noun} section.",
)
"""For an item whose title may not be spoken."""

SENSITIVE_FALLBACKS: tuple[str, ...] = FALLBACKS[1:]
"""The same without guessing at a need."""

BRAND_FALLBACKS: tuple[str, ...] = (
    "A pick from {brand}, worth a look.",
    "Something from {brand} to consider.",
)

BARE: tuple[str, ...] = (
    "A pick to consider, worth a look.",
    "Something worth a look.",
)
"""For an item of which nothing may be spoken; the gate knows these sentences."""

RESTRICTED_BARE: tuple[str, ...] = ("Listed in this shop.",)
"""The same for goods that may not be promoted."""

OPENINGS: dict[str, tuple[str, ...]] = {
    "category": (
        "Since you often shop for {noun},",
        "Back for {noun}?",
        "{Noun} on your list again?",
        "You know your way around {noun}, so",
        "For your next round of {noun},",
        "Browsing {noun} again?",
    ),
    "brand": (
        "You often choose {brand}, so",
        "Since {brand} is a usual pick of yours,",
    ),
    "store brand": ("You often pick store brands, so",),
    "because": ("Because you looked at {noun},", "Still looking at {noun}?"),
    "repeat": ("For your regular list,", "Something to come back to:"),
    "explore": ("For a change on your list,", "Something to explore:"),
    "neutral": (
        "For your next order,",
        "A simple pick for your list:",
        "Take a look at",
        "Worth a look:",
        "Something for your basket:",
        "Here is an idea for your list:",
        "Next on your list, maybe:",
        "Looking for {noun}?",
        "Shopping for {noun}?",
    ),
}
"""How a model's sentence begins: it finishes what the trait begins."""


def nameless(noun: str, brand: str) -> frozenset[str]:
    """Every sentence that may stand for an item whose name may not be spoken."""
    filled = [text.replace("{noun}", noun) for text in FALLBACKS if noun]
    filled += [text.replace("{brand}", brand).replace("..", ".") for text in BRAND_FALLBACKS if brand]
    return frozenset((*filled, *BARE))


def restricted_lines(name: str, noun: str) -> frozenset[str]:
    """All that may be said of goods that may not be promoted; a common noun may begin in lower case."""
    spellings = {name, name[:1].lower() + name[1:]} - {""}
    lines = (text for text in POOLS["restricted"] if noun or "{noun}" not in text)
    filled = {
        line.replace("{body}", spelling).replace("{noun}", noun).replace("..", ".")
        for line in lines
        for spelling in spellings
    }
    return frozenset(filled) | ({f"In the {noun} section."} if noun else frozenset())
