"""Every kind of written number, one case a line: what is said, what is written."""

from __future__ import annotations

import pytest

from callscribe.text.rules import written_spans
from callscribe.text.spans import Setting

CASES = {
    "small numbers stay words": [
        ("one of them", "one of them"),
        ("two people and three dogs", "two people and three dogs"),
        ("no one knows", "no one knows"),
        ("the other one two doors down", "the other one two doors down"),
        ("two or three hundred things", "two or three hundred things"),
        ("a hundred people", "a hundred people"),
        ("five or six", "five or six"),
    ],
    "cardinals": [
        ("twelve people", "12 people"),
        ("one hundred and twenty", "120"),
        ("a hundred and twenty people", "120 people"),
        ("three thousand two hundred items", "3,200 items"),
        ("fifteen hundred", "1,500"),
        ("twenty five million", "25 million"),
        ("one million two hundred thousand and five", "1,200,005"),
        ("four point eight five billion", "4.85 billion"),
        ("minus sixty", "-60"),
        ("point zero two", "0.02"),
        ("two point five thousand", "2,500"),
        ("ten to fifteen", "10 to 15"),
        ("five or ten", "5 or 10"),
        ("thirty forty people", "30 40 people"),
        ("five ten minutes", "5 10 minutes"),
    ],
    "labels": [
        ("press one for sales", "press 1 for sales"),
        ("option two", "option 2"),
        ("room two oh five", "room 205"),
        ("extension four four one", "extension 441"),
        ("gate b twelve", "gate B12"),
    ],
    "ordinals": [
        ("the first one", "the first one"),
        ("on third avenue", "on Third Avenue"),
        ("twenty first", "21st"),
        ("one hundred twelfth", "112th"),
        ("the tenth floor", "the 10th floor"),
        ("one third", "one third"),
        ("two seconds", "two seconds"),
    ],
    "money": [
        ("four hundred twelve dollars", "$412"),
        ("twelve dollars and fifty cents", "$12.50"),
        ("twelve dollars fifty", "$12.50"),
        ("two fifty dollars", "$250"),
        ("four twelve dollars", "$412"),
        ("fifty cents", "50 cents"),
        ("one dollar", "$1"),
        ("a dollar fifty", "$1.50"),
        ("a hundred dollars", "$100"),
        ("two and a half million dollars", "$2.5 million"),
        ("fifteen thousand euros", "€15,000"),
        ("a twenty dollar bill", "a $20 bill"),
        ("a hundred and fifty dollar fee", "a $150 fee"),
        ("five bucks", "5 bucks"),
        ("seventy five to one hundred dollars", "$75 to $100"),
        ("five or ten dollars", "$5 or $10"),
        ("between five and six hundred dollars", "between five and six hundred dollars"),
        ("ninety nine ninety nine a month", "99.99 a month"),
        ("minus five dollars", "-$5"),
        ("twelve pounds of flour", "12 pounds of flour"),
    ],
    "percentages": [
        ("five percent", "5%"),
        ("twelve point five per cent", "12.5%"),
        ("two to three percent", "2 to 3%"),
        ("a hundred percent", "100%"),
    ],
    "dates": [
        ("march twelfth", "March 12"),
        ("march twelfth twenty nineteen", "March 12, 2019"),
        ("july twenty five twenty twenty", "July 25, 2020"),
        ("the twelfth of march", "the 12th of March"),
        ("the first of may two thousand nine", "the 1st of May 2009"),
        ("monday the fifth", "monday the 5th"),
        ("the first and second of march", "the 1st and 2nd of March"),
        ("expiration oh four twenty seven", "expiration 04/27"),
        ("on the third", "on the 3rd"),
        ("june twenty twenty four", "June 2024"),
        ("twenty twenty six", "2026"),
        ("nineteen eighty four", "1984"),
        ("two thousand nine", "2009"),
        ("two thousand nine dollars", "$2,009"),
        ("in two thousand", "in 2000"),
        ("nineteen eighties", "1980s"),
        ("you may first look", "you may first look"),
        ("date of birth three twelve nineteen eighty", "date of birth 3/12/1980"),
        ("born oh three one two one nine eight zero", "born 03/12/1980"),
    ],
    "times": [
        ("seven thirty p m", "7:30 PM"),
        ("seven a m", "7 AM"),
        ("seven pm e s t", "7 PM EST"),
        ("twelve o'clock", "12 o'clock"),
        ("at two fifty", "at 2:50"),
        ("two thirty", "2:30"),
        ("ten oh five a m", "10:05 AM"),
        ("half past twelve", "12:30"),
        ("four fifteen main street", "415 main street"),
        ("monday at three", "monday at 3"),
        ("at three places", "at three places"),
        ("quarter to one", "12:45"),
        ("at ten to eleven", "at 10:50"),
        ("at seventeen thirty five", "at 17:35"),
        ("two to four p m", "2 to 4 PM"),
        ("three in the afternoon", "3 in the afternoon"),
    ],
    "telephone": [
        ("four one five five five five oh one two three", "415-555-0123"),
        ("four one five uh five five five um oh one two three", "415-555-0123"),
        ("eight hundred five five five oh one two three", "800-555-0123"),
        ("one eight hundred five five five oh one two three", "1-800-555-0123"),
        ("five five five double one double two call me", "5551122 call me"),
        ("call five five five double one double two", "call 555-1122"),
        ("plus one four one five five five five oh one two three", "+1 415-555-0123"),
        ("four one five five five five twelve thirty four", "415-555-1234"),
        ("nine one one", "911"),
        ("one two three dash four five dash six seven", "123-45-67"),
    ],
    "card and account": [
        ("my card is four one one one" + " one" * 12, "my card is 4111 1111 1111 1111"),
        ("account four four two one nine eight oh", "account 4421980"),
        ("social one two three four five six seven eight nine", "social 123-45-6789"),
        ("zip code nine oh two one oh", "zip code 90210"),
        ("zip code six oh six one four dash one two three four", "zip code 60614-1234"),
        ("area code two one two five five five nine eight seven six", "area code 212-555-9876"),
        ("twelve thirty four north main street", "1234 north main street"),
        ("double five", "55"),
    ],
    "codes": [
        ("s w one a one a a", "SW1A 1AA"),
        ("reference x three eighty six", "reference X386"),
        ("five w k r a three one", "5WKRA31"),
        ("apartment four b", "apartment 4B"),
        ("a two bedroom flat", "a two bedroom flat"),
        ("a b nine", "AB9"),
    ],
    "letters": [
        ("an a t m", "an ATM"),
        ("a t v", "a TV"),
        ("i d", "ID"),
        ("s m i t h", "S-M-I-T-H"),
        ("spelled l e e", "spelled L-E-E"),
        ("r and d", "R&D"),
        ("plan b", "plan B"),
        ("the t v's", "the TV's"),
        ("i think", "i think"),
    ],
    "addresses": [
        ("john dot doe nine nine at gmail dot com", "john.doe99@gmail.com"),
        ("my email is mary smith at example dot org thanks", "my email is marysmith@example.org thanks"),
        ("write to help underscore desk at example dot co dot uk", "write to help_desk@example.co.uk"),
        ("go to example dot com slash help", "go to example.com/help"),
        ("w w w dot a b c dot e d u", "www.abc.edu"),
        ("meet me at noon", "meet me at noon"),
        ("our site at w w w dot first bank dot com", "our site at www.firstbank.com"),
        ("http colon slash slash example dot com", "http://example.com"),
        ("w w w example dot com", "www.example.com"),
        ("sue at a o l dot com", "sue@aol.com"),
        ("h t t p s colon slash slash example dot org", "https://example.org"),
    ],
    "measures": [
        ("five feet", "5 feet"),
        ("eight point eight miles", "8.8 miles"),
        ("two square meters", "2 square meters"),
        ("five years old", "5 years old"),
        ("five years", "five years"),
    ],
    "ordinary words": [
        ("oh my god", "oh my god"),
        ("oh oh oh", "oh oh oh"),
        ("oh two people", "oh two people"),
        ("for the second time", "for the second time"),
        ("[unk] hello", "… hello"),
    ],
}  # fmt: skip


def _written(said: str, setting: Setting) -> str:
    return " ".join(span.text for span in written_spans(said.split(), setting))


@pytest.mark.parametrize(
    ("said", "expected"),
    [pytest.param(*case, id=f"{kind}: {case[0]}") for kind in CASES for case in CASES[kind]],
)
def test_number_is_written(said: str, expected: str) -> None:
    assert _written(said, Setting()) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("twenty pounds", "£20"),
        ("twenty pounds fifty pence", "£20.50"),
        ("born twelve three nineteen eighty", "born 12/3/1980"),
        ("oh two oh seven nine four six oh nine five eight", "020 7946 0958"),
        ("oh seven seven oh oh nine double oh one two three", "07700 900123"),
    ],
)
def test_british_setting(said: str, expected: str) -> None:
    assert _written(said, Setting(british=True)) == expected
