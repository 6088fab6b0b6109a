"""English words that claim nothing of an item wherever they stand: the grammar and the small talk of a shop's list.

Not here, on purpose: words that compare ("more", "better"), rank ("first choice"), urge ("now", "only", "last"), deny
("no", "without") or promise ("easy", "good", "new"). Each of those has a rule of its own or needs a fact.
"""

from __future__ import annotations

from typing import Final

from copywriter.lexicon import word_set

GRAMMAR: Final = word_set(
    "a an the and or but for in on at to of by as is are be being been was were it its it's this that these "
    "those you your yours you're you've you'd you'll if when whenever while so from here here's there there's then "
    "what what's which who who's whose whoever whichever with into out up down just also too any some another where "
    "wherever whether can could may might would do does did let let's how about around well right because maybe "
    "perhaps both each every per they they're them their he his him she her one ones other others all over under "
    "between among beside besides next near along alongside across through throughout toward towards beyond behind "
    "within inside outside onto off away back after before until till against above below aside ahead together much "
    "many few several enough either neither rather quite still again once since though although plus x times own "
    "same such else ever even o'clock etc yes ok s t re ve ll d m"
)
"""Articles, prepositions, conjunctions, pronouns, auxiliaries and particles; some have a rule of their own as well."""

TALK: Final = word_set(
    "bottom ends listed gathered collected placed apiece detour hop relative relatives beneath space matter label "
    "top room bit partner cousin regulars frequent recently lately caught drawn appeals appeal suits chosen choosing "
    "chose leave leaves look looks looking glance list lists basket baskets cart order idea ideas option options "
    "pick picks aisle aisles section shop shops shopping shopper shoppers browse browsing round rounds stop stops "
    "trip visit thing things something someone anyone anybody anything somebody everyone kind kinds sort sorts way "
    "ways side sides place spot line mind view turn step company pair piece pieces pack packs size sizes set sets "
    "note start end close nod name answer thought thoughts addition part parts half rest total row theme mood "
    "interest interests attention habit habits routine route reason reasons case question simple simply plain "
    "plainly straightforward handy everyday next different same small-talk familiar usual regular usually often "
    "regularly sometimes again consider considering considered think thinking see seeing meet meets add adds adding "
    "put puts keep choose try take takes taking go goes going come comes coming-in join joins joined joining follow "
    "follows following share shares sit sits stand stands belong belongs begin begins bring brings make makes making "
    "has have had-a having hold holds holding include includes including included measure measures measuring weigh "
    "weighs weighing carry carries mean means say says call calls called named labelled labeled rated rating ratings "
    "stars out-of offer offers show shows give gives pair pairs paired match-with open opens contain contains number "
    "sized packed boxed want wants need needs wish fancy feel care worth time reach start starts finish finishes "
    "check explore exploring browse slip-in tuck pop find finds found meet greet hello happen happens fit-in sound "
    "sounds read reads know-your want another somewhere nearby yes please perhaps too indeed wanted looked picked "
    "shopped browsed shopping-list department shelf shelves page tab cursor radar eye eyes beginning middle front "
    "left-over mix-and number figure form forms shape shapes style styles pattern patterns print design designs "
    "version versions model models type types colour color colours colors shade shades tone tones hue finish flavour "
    "flavor flavours flavors scent scents material materials length width height weight diameter capacity volume "
    "content contents detail details feature item items product products pieces unit units count range apart alike "
    "otherwise instead altogether overall meanwhile likewise namely simply exactly first second then finally lastly "
    "part partly mostly mainly half-way midway aboard afoot afterwards anyway besides sure surely certainly "
    "of-course indeed clearly"
)
"""What is said around an item: lists, looks, ideas, and the names of properties whose value has to be a fact."""

DIMENSIONS: Final = word_set("wide long tall thick deep high across apart around long-side square diameter")
"""Free right behind a measure only ("6 mm thick"); elsewhere they are qualities."""

STRETCHES: Final = word_set("sleeps seats serves runs reaches spans stands rises covers rotates turns")
"""Free right before a measure only ("runs 6 ft")."""

STATED: Final = word_set(
    "is are was has have comes come holds hold includes include measures measure weighs weigh takes take makes make "
    "carries carry offers offer gives give brings bring contains contain packs pack shows show reads read features "
    "with that which made plus featuring from by of including bearing wearing having"
)
"""After one of these the sentence says what the item is: what follows is a claim again."""

COMPARING: Final = word_set(
    "more most less least better best worse worst than other-than beats beat outlasts outperforms superior inferior "
    "unlike finer finest greater greatest leading only unique unrivalled unmatched ultimate supreme number-one "
    "nothing favourite favorite choice"
)

DENYING: Final = word_set(
    "no not without zero non never none nor free cannot can't won't don't doesn't isn't aren't nothing un minus lacking"
)
"""What follows (or, for "free", precedes) is denied: the denial has to be a fact."""

PERSONAL: Final = word_set("i me my mine we us our ours myself ourselves i'm i've i'd i'll we're we've we'd we'll")
