"""Further concrete nouns for scenes: things, places and times, and what grows or is eaten.

Drawn from WordNet 3.1 (copyright 2011 by Princeton University, all rights reserved; licence in `WORDNET_LICENCE.txt`
beside this file): nouns whose first sense is an artifact, an object, a time, a food or a plant, that are no adjective
and common enough, read and cut by hand. `everyday.py` holds the words written by hand; where they stand is
`checks/scene.py`'s.
"""

from __future__ import annotations

from typing import Final

from copywriter.lexicon import word_set

GROWN: Final = word_set(
    "agave alder alfalfa angelica angelique anise applesauce arbor aspen azalea baguette balsam barbeque bark bean "
    "beech beet blackberry blackjack blackwood bloomer bonsai bough bracken bream briar brisket buckwheat buttercup "
    "buttermilk butternut cacao campion candida candy canola cardamom carp cashew catnip caviar cayenne chamomile "
    "chard cheesecake chilli chipotle chives choc chorizo chutney cilantro cirrus clementine clove coleslaw collard "
    "confectionery coriander cornbread corolla cottonwood couscous cranberry crayfish cumin curd custard cypress "
    "dahlia decaf diet dill draught elm eucalyptus falafel falls farina fennel filet fillet fir fizz flounder "
    "foliage forage fryer fudge gastronomy gemma ghee gingerbread goody grist grits grouse guava gum haddock haggis "
    "halibut hawthorn hazelnut hibiscus hickory honeysuckle hops horseradish huckleberry jasmine jello kernel "
    "ketchup leek lentil licorice linden loin lupin mackerel magnolia maize mangrove margarine mayo meatloaf medic "
    "meringue mesquite milt mimosa mince miso mistletoe molasses morel mozzarella mulberry mussel mutton nacho "
    "nettle nutmeg nutshell oat octopus okra oregano oreo paella palmetto palmyra papaya paprika patty pea pecan "
    "peppermint pepperoni pita plantain poi pollen ponderosa poplar popsicle primrose produce puree quail quince "
    "raisin raspberry reed rhubarb ricotta rind romaine rosebud rusk rye saffron salami salvia sashimi sauerkraut "
    "sequoia sesame shad shamrock shellfish snapdragon sorbet soy soya soybean sprinkles spud squid stipe sugarcane "
    "sup swordfish sycamore taffy tapioca taro trifle tripe trout truffle tuna tung turmeric veal veg veggie venison "
    "vinaigrette wasabi wheat willow winkle woodbine woodruff yam yew yoghurt yolk yucca"
)

CONCRETE: Final = word_set(
    "abacus accordion aeroplane aerosol afterglow airbrush aircraft airfield airframe airline airlock airplane "
    "airship airspeed airstrip airway alb alcove alley alleyway alp annex anvil aperture apparatus apparel aqueduct "
    "aquifer arboretum arcade archipelago archive archway argyle arrowhead arroyo ashtray atelier atoll attire "
    "automobile axe axle backdrop baffle baggage ballast ballistics ballpark ballroom bank bar barbell barbershop "
    "barge barrier bathhouse baton batten bayou bazaar beachfront bedrock beehive bell bellows beret bevel bicycle "
    "billboard bistro bleachers blizzard blower boardwalk boathouse bobsleigh bodywork bog bongo bookstore boomerang "
    "bootstrap boulevard boutique bower brad breather breeches breeze brewery brickwork bridle brim broach brook "
    "broom buffet bugle bulkhead bungee burrow buttress bypass cabana cache caddy cafeteria calculus caldera cam "
    "camcorder cameo canal candlelight candlestick cane canopy cape carousel carriageway cauldron causeway cave "
    "cavern cay cell chainsaw chaise chalet chandelier chariot chasm chateau chime chip chisel chloroform churn "
    "circuitry clarinet cleats clench clipboard cloak clockwork clog cobble cobblestone coliseum comet compass "
    "confetti corkscrew cornet cornice corral cot cove crag creamer crockery croft crossbar crosswalk crowbar "
    "crusher crust cupola cutlery dairy darkroom dart daybreak daylight decal delft deli depository depot diagram "
    "dimmer dingle ditch dollhouse dolly doorbell doorknob dormer dormitory downpour drapery drawbridge dryer duffel "
    "dugout duvet eatery eaves edifice ember equinox esplanade estuary expressway eyeglasses eyeshadow factory fax "
    "fieldwork fireball firehouse firestorm fishery fjord flagpole flake flatbed floodplain floss flue fluke "
    "flywheel footbridge footwear foreshore forklift fortnight fortune freeway fresco frieze frock froth fulcrum "
    "furnace gale gantry gargoyle gaslight gatehouse gateway gauze gavel gazebo glacier goad goblet gondola gong "
    "gorge gourd gown graffiti greenwood gridiron grotto guesthouse gulch gulf gully hairpin handbag handball "
    "handicraft handiwork handkerchief handset hangar harpsichord harrow hatchet haze headband headdress headgear "
    "headland headlight headscarf hearthstone heel hillside hitch hole hone honeycomb honeymoon horn horst hose "
    "hourglass houseboat hydrant iceberg inlay inlet inn intercom interlock isle islet isthmus jetty jubilee jukebox "
    "jumpsuit keepsake kerb keyhole kilt kimono kiosk kitsch knickers knife knoll knuckles laboratory labyrinth "
    "lakeshore lakeside landfill lapel launchpad ledge lei lens lido lightbulb lighthouse links lipstick locket lode "
    "lodgings lorry luge lyre mandala mandolin marquee mart mascara mask massif matchbox mattress maze meander "
    "meantime membrane meteor meteorite metro metronome mews mezzanine mic microchip microfilm microprocessor "
    "midsummer midterm mitre monastery monolith monorail monsoon montage moorland moraine mountainside mush napkin "
    "nave nighttime nimbus nugget observatory overcoat overhang overpass padlock paintball paisley pajama pane pants "
    "parachute parasol parkway parlor parlour passageway pause pave payday payload pedestal peg pen pendulum "
    "peninsula petticoat photocopy piccolo pike pitchfork pix planetarium plateau platform pliers plinth plow "
    "plummet podium portico pram precipice preseason priory promontory prong pylon racecourse racetrack raceway "
    "racquet rail railroad rails railway raincoat rainfall rainstorm ravine rayon razor receptacle rectory reefer "
    "rein restroom rib rickshaw rings rivet roadhouse roadway roost rosette rotunda roundhouse rucksack sack salve "
    "sandal sander sandstorm saree sari sash sawmill scalpel scarecrow schoolhouse scrubs scuba scuttle scythe "
    "seabed seaboard searchlight seashore seatbelt shack shampoo shanty shawl shay sheaf shear sheath shell shipyard "
    "shoal shoreline shortcut shorts showroom shredder shuttle sieve sights silks sill silva singlet sinkhole skewer "
    "sky skylight slab slacks sledge sledgehammer sleet slingshot slipknot sluice snapshot snippet snorkel snowfall "
    "snowmobile snowstorm soundtrack spacecraft spade specs spectacles speedway spillway spit splice splint spoke "
    "sportswear spreader springboard sprites stagecoach stairway stalls starlight statuette steamboat steamship "
    "stencil steppe storehouse storey stratosphere streamer strip strobe stub stylus summertime sump sunbeam sunroof "
    "sunshine surfboard swatch sweatpants sweats sweatshirt swimwear swivel tabor tarn tarot tarp tartan tassel "
    "tavern taxicab teddy tempo tether thoroughfare threshold thunderstorm tightrope tinsel toga tongs toothbrush "
    "toothpaste tram trampoline tramway trapeze trawl treadmill trestle trimmings trolley trombone trunks truss tube "
    "turnpike turntable turtle turtleneck tuxedo twine underpants upholstery vane varnish veil velodrome veneer vent "
    "verandah vestibule viaduct vial videotape visor wadi waistband wallow wand warmer watchtower waterside web "
    "webcam wheelhouse whirlwind wick wig windscreen winery wonderland woof workhorse workhouse workpiece wristband "
    "wristwatch yoke"
)
