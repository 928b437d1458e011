"""Word lists of English: what is a number, a filler, a unit, an acronym, a cue. Data only."""

from __future__ import annotations

UNITS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
}  # fmt: skip
TEENS = {
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15,
    "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50, "sixty": 60, "seventy": 70,
    "eighty": 80, "ninety": 90,
}  # fmt: skip
SCALES = {
    "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "quadrillion": 10**15,
}  # fmt: skip
BIG_SCALES = frozenset({"million", "billion", "trillion", "quadrillion"})
"""Kept as words after a figure: "$2.5 million"."""
ZEROS = frozenset({"zero", "oh", "o", "nought"})
ORDINALS = {
    "zeroth": 0, "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7,
    "eighth": 8, "ninth": 9, "tenth": 10, "eleventh": 11, "twelfth": 12, "thirteenth": 13,
    "fourteenth": 14, "fifteenth": 15, "sixteenth": 16, "seventeenth": 17, "eighteenth": 18,
    "nineteenth": 19, "twentieth": 20, "thirtieth": 30, "fortieth": 40, "fiftieth": 50, "sixtieth": 60,
    "seventieth": 70, "eightieth": 80, "ninetieth": 90, "hundredth": 100, "thousandth": 1000,
}  # fmt: skip
DECADES = {
    "tens": 10, "twenties": 20, "thirties": 30, "forties": 40, "fifties": 50, "sixties": 60,
    "seventies": 70, "eighties": 80, "nineties": 90,
}  # fmt: skip
REPEATS = {"double": 2, "triple": 3, "treble": 3}
NUMBER_WORDS = frozenset({*UNITS, *TEENS, *TENS, *ZEROS, *SCALES, "hundred"})

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
    "november", "december",
)  # fmt: skip
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

HESITATIONS = frozenset(
    {"uh", "um", "er", "erm", "ah", "eh", "hm", "hmm", "mm", "mmm", "uhm", "mhm", "uh-huh"}
)
"""Sounds without meaning. "uh huh", "mm hmm" and "ah" as an answer are told apart in `fillers`."""
FALSE_START_WORDS = frozenset(
    "i the a an to and we you it is in of my for but he she they this was i'm it's that's are on with at"
    " our your their if as or be have we're i've you're can will would there's what's his her".split()
)
"""Said twice in a row, the first is a false start; content words may be repeated for emphasis."""

UNKNOWN = frozenset({"[unk]", "<unk>"})
UNKNOWN_TEXT = "…"

MONEY = {
    "dollar": "$", "dollars": "$", "euro": "€", "euros": "€",
}  # fmt: skip
MONEY_BRITISH = {**MONEY, "pound": "£", "pounds": "£", "quid": "£"}
MONEY_COUNTRIES = {
    ("united", "states"): "$", ("u", "s"): "$", ("us",): "$", ("american",): "$", ("canadian",): "CA$",
    ("australian",): "A$", ("new", "zealand"): "NZ$", ("hong", "kong"): "HK$", ("singapore",): "S$",
}  # fmt: skip
"""Whose dollars; said before "dollars"."""
MONEY_WORDS = frozenset(
    {"bucks", "cent", "cents", "pence", "yen", "won", "yuan", "rupees", "pesos", "francs"}
)
"""Currencies written as a word after a figure."""

UNIT_WORDS = frozenset(
    "foot feet inch inches yard yards mile miles meter meters metre metres kilometer kilometers kilometre"
    " kilometres centimeter centimeters millimeter millimeters gram grams kilogram kilograms kilo kilos"
    " milligram milligrams ounce ounces pound pounds ton tons tonne tonnes liter liters litre litres"
    " milliliter milliliters gallon gallons pint pints quart quarts degrees degree celsius fahrenheit"
    " volt volts watt watts kilowatt kilowatts megawatt megawatts amp amps hertz kilohertz megahertz"
    " gigahertz byte bytes kilobyte kilobytes megabyte megabytes gigabyte gigabytes terabyte terabytes"
    " petabyte petabytes megabit megabits gigabit gigabits megs gigs acre acres hectare hectares"
    " horsepower calories pixels square cubic kilo milli mega giga peta astronomical".split()
)
"""A number before one of these is a figure, however small; the unit itself stays a word."""

_LABELS = frozenset(
    "number room flight gate extension option step suite apartment apt unit chapter page version level"
    " zone platform terminal press pressed dial dialed box route highway interstate exit pin zip channel size type"
    " section paragraph invoice marker area title stage track star windows iphone error form office boeing airbus"
    " flat".split()
)
ROW_LABELS = frozenset(
    "row seat aisle line lane lot bay desk table floor building locker bus train ward door column item question"
    " episode season bin slide figure".split()
)
"""Labels whose numbers are said whole: "row 10", but "row ten fifteen" may be row 10, seat 15, and stays words."""
ABBREVIATED_UNITS = {
    ("m", "g"): "mg", ("mg",): "mg", ("k", "g"): "kg", ("kg",): "kg", ("m", "l"): "ml", ("ml",): "ml",
    ("c", "m"): "cm", ("cm",): "cm", ("m", "m"): "mm", ("mm",): "mm", ("k", "m"): "km", ("km",): "km",
    ("m", "c", "g"): "mcg", ("l", "b", "s"): "lbs", ("lbs",): "lbs", ("l", "b"): "lb", ("g", "b"): "GB",
    ("m", "b"): "MB", ("k", "w"): "kW", ("m", "p", "h"): "mph", ("mph",): "mph", ("k", "p", "h"): "km/h",
}  # fmt: skip
"""Units that are said by their letters after a number."""
NUMBER_LABELS = _LABELS | ROW_LABELS
"""A number straight after one of these names something: "press 1", "room 205"."""
YEAR_CUES = frozenset("in since of from year circa back summer winter spring fall autumn".split())
"""Straight before two pieces these make a year of them: "in fourteen ninety five" is 1495."""
READING_CUES = frozenset(
    "weigh weighs weighed weight temperature fever sugar glucose cholesterol pulse heart rate pressure mileage odometer"
    " altitude speed".split()
)
"""What is read off an instrument is one number: "my weight is one fifty" is 150."""

PHONE_CUES = frozenset(
    "phone call calling cell cellphone mobile reach telephone callback dial text fax landline whatsapp"
    " contact".split()
)
CARD_CUES = frozenset("card credit debit visa mastercard amex".split())
SSN_CUES = frozenset("ssn social".split())
ZIP_CUES = frozenset("zip zipcode".split())
CODE_CUES = frozenset(
    "account order reference confirmation policy member membership tracking booking ticket invoice case"
    " claim serial model code customer id i.d. pin routing reservation passport licence license plate"
    " policies part sku extension flight room".split()
)
BIRTH_CUES = frozenset("birth born birthday birthdate dob".split())
EXPIRY_CUES = frozenset("expiration expires expiry expire exp valid".split())
COUNTED = frozenset(
    "minute minutes second seconds hour hours day days week weeks month months year years people times business"
    " working calls customers items pieces boxes bottles tablets pills guests".split()
)
"""What numbers are guessed of: "five ten minutes"."""
SPELL_CUES = frozenset("spell spelled spelt spelling spells letters".split())
WEB_CUES = frozenset("email e-mail mail address website site".split())

TIME_CUES = frozenset(
    "at by until till before after around from between since arrive arrives arriving leave leaves leaving depart"
    " departs departing opens closes today tomorrow tonight morning afternoon evening".split()
) | frozenset(WEEKDAYS)
"""A pair of numbers straight after one of these is a time of day: "monday eight forty"."""
CLOCK_CUES = frozenset("at by until till before after around".split())
"""A single hour after one of these is a time when nothing is counted with it: "until five"."""
DAY_CUES = frozenset(
    {*WEEKDAYS, *(f"{day}s" for day in WEEKDAYS)}
    | set(
        "weekdays weekends weekday weekend daily today tomorrow tonight open opens closed hours".split()
    )
)
"""Near one of these "eight to five" are hours."""
AFTER_CLOCK = frozenset(
    "and or but on in please today tomorrow tonight this if so then because when i we you he she they it's that is"
    " was would works work sharp am pm a.m. p.m. every thanks thank okay ok yes yeah no right next eastern pacific"
    " central mountain will i'll we'll uh um at latest though instead exactly local".split()
) | frozenset({"", *WEEKDAYS, *(f"{day}s" for day in WEEKDAYS)})
"""What follows a time of day; other words may be what the number counts ("at five places")."""

PRICE_CUES = frozenset(
    "charged charge charges cost costs costing price priced prices total totals totaled subtotal pay paid paying"
    " pays owe owes owed balance amount bill refund refunded fee payment spent comes came that'll worth quoted"
    " quote deposit".split()
)
PRICED_BY = frozenset(
    "month week year day hour piece pound gallon person head share mile night pop minute unit".split()
)
"""Prices are said for one of these: "twelve fifty a month"."""
QUESTION_CUES = frozenset(
    "who what when where why which whose how whom do does did is are was were am can could would will shall should may"
    " might have has had isn't aren't don't doesn't didn't can't couldn't won't wouldn't haven't hasn't wasn't weren't"
    " what's where's who's how's right okay huh yeah or any anything else please correct about i'm ain't".split()
)
"""Questions nearly always have one of these."""

ZONES = frozenset(
    {
        "est",
        "edt",
        "et",
        "cst",
        "cdt",
        "ct",
        "mst",
        "mdt",
        "mt",
        "pst",
        "pdt",
        "pt",
        "gmt",
        "utc",
        "bst",
    }
)

ACRONYMS = frozenset(
    "ac ai aa aaa abc abs acl adhd adp ads aka aol api apr ar arpu asap atm att aws bbc bbq bc bmi bmw"
    " brb btw cbs cc cctv cd ceo cfo cia cio cnn coo cpa cpap cpi cpr cpu crm ct cto ctv dc diy dj dmv dna dob"
    " dsl dui dvd dvr ebitda ecg ekg eob eps er erp esg est eta ehr emr etf eu eur ev faq fbi fda fdic"
    " fha fifa fm fmla fx fyi gb gdp gi gmc gop gp gpa gps gst hbo hd hdmi hiv hmo hoa hp hr hsa hvac ibm id"
    " imdb ip ipad ipo iphone iq ira irs isbn isp it itv iv iud jfk kfc kpi kpmg la lcd led lg llc lpg"
    " ltd mba mb md mlb mls mri mrsa mtv nba nbc ncaa nfl nhl nhs np nsf nyc ob obgyn opec otc pa pc"
    " pdf pet phd pin pms po pos ppo pr ps pta ptsd pvc qr qa rbi rbc rd rem rfp rn rng roi rpm rsvp rv sat"
    " scuba sec seo sim sms sop sos ssn std stem suv swat tb tbd tcs tmi tsa tv ucla uk ul un unc ups url us"
    " usa usb usd usda usps va vat vhs vip vp vpn vr wifi ww wwe xl xml xxl ymca yoy ytd gmat gre lsat"
    " nasa nato fema hipaa aarp osha naacp"
    " bp csr dhl ge gm hsbc ing jp ubs xbox usc lsu msnbc espn tnt tbs pbs nypd lapd ny nj".split()
)
"""Spelled runs that are words of their own, for splitting "a t v" (a TV) from "a t m" (ATM)."""

AND_ACRONYMS = frozenset(
    {
        "rd",
        "qa",
        "ma",
        "pl",
        "hr",
        "bb",
        "rb",
        "sp",
        "att",
        "fb",
        "gi",
        "hm",
        "ac",
        "dg",
        "pg",
        "te",
    }
)
"""Letters around "and" that are written with "&": R&D, Q&A, AT&T."""

SPECIALS: dict[tuple[str, ...], str] = {
    ("twenty", "twenty", "vision"): "20/20 vision",
    ("twenty", "twenty", "eyesight"): "20/20 eyesight",
    ("four", "oh", "one", "k"): "401(k)",
    ("four", "o", "one", "k"): "401(k)",
    ("four", "oh", "three", "b"): "403(b)",
    ("ph", "d"): "PhD",
    ("p", "h", "d"): "PhD",
    ("wi", "fi"): "Wi-Fi",
    ("h", "two", "o"): "H2O",
    ("a", "one", "c"): "A1C",
}

TOP_DOMAINS = frozenset(
    "com net org edu gov io co info biz us uk ca au de eu fr tv me dev app ai health mil".split()
)

TITLES = {
    "mister": "Mr.",
    "missus": "Mrs.",
    "mrs": "Mrs.",
    "mr": "Mr.",
    "ms": "Ms.",
    "miz": "Ms.",
    "dr": "Dr.",
}
NAMED_TITLES = {"doctor": "Dr.", "misses": "Mrs."}
"""Titles only before a name: "doctor patel" is "Dr. Patel", "the doctor who called" stays."""
BEFORE_MISSES = frozenset(
    "is to for with and from hello hi hey dear thanks morning afternoon evening yes no okay by of that's it's or"
    " about tell ask see called you speaking this mister".split()
) | {""}
"""Words after which "misses" may be a title; after a subject ("he misses smith street") it is a verb."""

HOLIDAYS: dict[tuple[str, ...], str] = {
    tuple(name.lower().split()): name
    for name in (
        "New Year's Eve", "New Year's Day", "New Year's", "Christmas Eve", "Christmas Day", "Boxing Day",
        "Labor Day", "Memorial Day", "Independence Day", "Veterans Day", "Presidents Day", "Columbus Day",
        "Mother's Day", "Father's Day", "Valentine's Day", "Good Friday", "Easter Sunday", "Easter Monday",
        "Black Friday", "Cyber Monday", "Thanksgiving Day",
    )
}  # fmt: skip

PHONETIC = frozenset(
    "alpha alfa bravo charlie delta echo foxtrot golf hotel india juliet juliett kilo lima mike november oscar"
    " papa quebec romeo sierra tango uniform victor whiskey whisky xray x-ray yankee zulu".split()
)
"""The alphabet of pilots and of the NATO; its words stand for their first letters."""

CODEWORDS = PHONETIC | frozenset(
    "apple adam andrew alice boy baker bob ball bear cat david dog daniel easy edward elephant edison frank fred"
    " fox father george girl goat harry henry house hat ida igloo ice indigo isaac ink jack john james jane king"
    " kite kilogram kevin larry love lion london mary mother mouse michael monkey nancy nora nellie nan nicholas"
    " orange ocean oliver peter paul pat queen robert roger rabbit red sam sugar samuel steve tom tommy thomas"
    " tea umbrella uncle under violet vase van william wednesday walter xylophone yellow young yesterday zebra"
    " zero zoo".split()
)
"""Words people spell with ("b for boy"). After "as in" any word will do."""

PROFANITY = frozenset(
    "fuck fucked fucker fuckers fucking fuckin fucks motherfucker motherfuckers motherfucking shit shits"
    " shitty shitting bullshit horseshit bitch bitches bitching bastard bastards asshole assholes cunt"
    " cunts dick dickhead dickheads prick pricks twat twats wanker wankers whore whores slut sluts"
    " goddamn goddamned cocksucker cocksuckers arsehole arseholes nigger niggers faggot faggots".split()
)
