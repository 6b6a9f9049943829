"""Make the example lists: three exports in three dialects, with every fault that lists really have.

    python examples/make_contact_files.py

The files are always the same. Every address is on a domain that cannot exist (RFC 2606, RFC 6761).
"""

from __future__ import annotations

import csv
import io
import random
import unicodedata
from pathlib import Path

FOLDER = Path(__file__).parent
OWNERS = ("ana@northwind.example", "ben@northwind.example", "chloe@northwind.example")

#: Country, time zone, language, dialling code, cities, first names, last names.
PLACES = (
    ("Germany", "Europe/Berlin", "de", "+49 30", ("Berlin", "München", "Köln"),
     ("Jörg", "Anke", "Björn", "Käthe"), ("Müller", "Schröder", "Weiß", "Krämer")),
    ("Austria", "Europe/Vienna", "de", "+43 1", ("Wien", "Graz"), ("Johanna", "Maximilian"), ("Gruber", "Höller")),
    ("Switzerland", "Europe/Zurich", "de", "+41 44", ("Zürich", "Genève"), ("Reto", "Amélie"), ("Meier", "Favre")),
    ("United Kingdom", "Europe/London", "en", "+44 20", ("London", "Leeds"), ("Oliver", "Niamh"), ("Smith", "O'Brien")),
    ("France", "Europe/Paris", "fr", "+33 1", ("Paris", "Nîmes"), ("Chloé", "François"), ("Lefèvre", "Dubois")),
    ("Spain", "Europe/Madrid", "es", "+34 91", ("Madrid", "A Coruña"), ("Íñigo", "Lucía"), ("García", "Núñez")),
    ("Poland", "Europe/Warsaw", "pl", "+48 22", ("Warszawa", "Łódź"), ("Paweł", "Małgorzata"), ("Nowak", "Wiśniewski")),
    ("Greece", "Europe/Athens", "el", "+30 21", ("Athens",), ("Eleni", "Nikos"), ("Papadopoulos", "Georgiou")),
    ("Turkey", "Europe/Istanbul", "tr", "+90 212", ("İstanbul",), ("Ayşe", "Çağlar"), ("Yılmaz", "Şahin")),
    ("United States", "America/New_York", "en", "+1 212", ("New York", "Boston"), ("Ava", "Liam"), ("Johnson", "Null")),
    ("United States", "America/Chicago", "en", "+1 312", ("Chicago", "Austin"), ("Noah", "Emma"), ("Brown", "True")),
    ("United States", "America/Los_Angeles", "en", "+1 213", ("Los Angeles",), ("Mia", "None"), ("Davis", "Wilson")),
    ("Canada", "America/Toronto", "en", "+1 416", ("Toronto", "Montréal"), ("Zoé", "Ethan"), ("Tremblay", "Roy")),
    ("Canada", "America/St_Johns", "en", "+1 709", ("St. John's",), ("Owen",), ("Power",)),
    ("Brazil", "America/Sao_Paulo", "pt", "+55 11", ("São Paulo",), ("João", "Letícia"), ("Gonçalves", "Araújo")),
    ("Argentina", "America/Argentina/Buenos_Aires", "es", "+54 11", ("Buenos Aires",), ("Mateo",), ("Fernández",)),
    ("Mexico", "America/Mexico_City", "es", "+52 55", ("Ciudad de México",), ("Ximena",), ("Hernández",)),
    ("India", "Asia/Kolkata", "en", "+91 22", ("Mumbai", "Bengaluru"), ("Priya", "Arjun"), ("Iyer", "Na")),
    ("Nepal", "Asia/Kathmandu", "ne", "+977 1", ("Kathmandu",), ("Sita",), ("Shrestha",)),
    ("Japan", "Asia/Tokyo", "ja", "+81 3", ("Tokyo", "Osaka"), ("Haruto", "Yui"), ("Sato", "Suzuki")),
    ("Singapore", "Asia/Singapore", "en", "+65", ("Singapore",), ("Wei", "Mei Ling"), ("Tan", "Ng")),
    ("United Arab Emirates", "Asia/Dubai", "ar", "+971 4", ("Dubai",), ("Omar", "Layla"), ("Al Mansoori",)),
    ("Australia", "Australia/Sydney", "en", "+61 2", ("Sydney",), ("Jack", "Isla"), ("Taylor", "Nguyen")),
    ("Australia", "Australia/Adelaide", "en", "+61 8", ("Adelaide",), ("Ruby",), ("Walker",)),
    ("New Zealand", "Pacific/Auckland", "en", "+64 9", ("Auckland",), ("Aroha",), ("Ngata",)),
    ("South Africa", "Africa/Johannesburg", "en", "+27 11", ("Johannesburg",), ("Thandi",), ("Nkosi",)),
    ("Nigeria", "Africa/Lagos", "en", "+234 1", ("Lagos",), ("Chinedu", "Adaeze"), ("Okafor",)),
    ("Kenya", "Africa/Nairobi", "sw", "+254 20", ("Nairobi",), ("Wanjiru",), ("Kamau",)),
)  # fmt: skip

COMPANIES = (
    ("Aurora Optik GmbH", "aurora-optik.example"), ("Bluefin Logistics", "bluefin.example"),
    ("Cobalt & Sons", "cobalt.example"), ("Dünenwind Energie AG", "dünenwind.example"),
    ("Estrella Foods", "estrella.example"), ("Fjord Systems", "fjord.example"), ("Granite Bank", "granite.example"),
    ("Hôtel du Lac", "hotel-du-lac.example"), ("Indigo Labs", "indigo.example"), ("Juniper Health", "juniper.example"),
    ("Kestrel Aero", "kestrel.example"), ("Lumen, Inc.", "lumen.example"), ("Mistral Media", "mistral.example"),
    ("Nordlicht \"Nord\" KG", "nordlicht.example"), ("Opal Insurance", "opal.example"),
    ("Pampa Agro", "pampa.example"), ("Quartz Tools", "quartz.example"), ("Riverside School", "riverside.example"),
)  # fmt: skip
TITLES = ("Head of Marketing", "CTO", "Einkaufsleiter", "Buyer", "Managing Director", "Sales Manager", "Analyst")
ROLES = ("info", "sales", "office", "kontakt", "support")
PLAIN = {"ß": "ss", "ł": "l", "ı": "i", "'": ""}
BROKEN = (
    "@lumen.example", "walk-in", "a..b@opal.example", "anna@fjord", "x@y@z.example", "tom @quartz.example", "n/a",
    "leo@pampa,example",
)  # fmt: skip
FORMULAS = ("=1+1", "+SUM(A1:A9)", '=HYPERLINK("http://x.example","click")', "@SUM(1)", "-2+3")


def main() -> None:
    """Write the three files."""
    write("trade_fair.csv", trade_fair(random.Random(2026), 620), ",", "utf-8")
    write("inactive_accounts.csv", inactive_accounts(random.Random(2027), 210), ";", "cp1252", "sep=;\r\n")
    write("webinar.csv", webinar(random.Random(2028), 56), "\t", "utf-16")


def write(name: str, rows: list[list[str]], delimiter: str, encoding: str, start: str = "") -> None:
    """Write rows in a dialect; what the encoding does not have becomes a question mark, as in real exports."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    (FOLDER / name).write_bytes((start + buffer.getvalue()).encode(encoding, "replace"))


def trade_fair(dice: random.Random, size: int) -> list[list[str]]:
    """An event's attendees, as Eventbrite exports them."""
    header = [
        "Attendee no.", "First Name", "Last Name", "Email", "Company", "Job Title", "Cell Phone", "Country", "City",
        "Time Zone", "Language", "Contact owner", "Ticket Type", "Talked about", "Notes",
    ]  # fmt: skip
    rows: list[list[str]] = []
    for number in range(1, size + 1):
        person = Person(dice)
        rows.append(
            [
                f"{number:06d}", person.first, person.last, person.address, person.company, person.title, person.phone,
                person.country, person.city, person.zone, person.language, dice.choice(OWNERS),
                dice.choice(("Visitor", "Visitor", "Speaker", "VIP")),
                dice.choice(("the new sensors", "prices", "a pilot project", "")), "",
            ]
        )  # fmt: skip
    email, phone, country, zone, notes = 3, 6, 7, 9, 14
    for row in rows[5::40]:
        row[email] = ""
    for row in rows[8::60]:
        row[email] = f"{row[email]}; {row[email].replace('@', '.private@')}"
    for row, broken in zip(rows[11::31], BROKEN, strict=False):
        row[email] = broken
    for number in range(14, len(rows), 50):
        rows[number][email] = rows[number - 9][email].upper()
    for row in rows[17::45]:
        row[email] = f"{dice.choice(ROLES)}@{dice.choice(COMPANIES)[1]}"
    for row in rows[19::25]:
        row[email] = f" {row[email]}  "
        row[1] += " "
    for row in rows[22::30]:
        row[zone] = dice.choice(("Mars/Olympus", "CEST?", "GMT+25", "Central Europe Standard Time", "Berlin"))
        row[country] = ""
    for row in rows[23::18]:
        row[zone] = row[country] = ""
    for row in rows[27::55]:
        row[zone] = row[country] = row[phone] = ""
    for row, formula in zip(rows[29::60], FORMULAS * 9, strict=False):
        row[notes] = formula
    for row in rows[31::37]:
        row[notes] = 'Said: "call me",\r\nbut not before noon'
    for row in rows[33::80]:
        row[11] = "gone@northwind.example"
    for row in rows[35::90]:
        row[1] = ""
    rows[300] = rows[300][:9]
    rows[451].append("one cell too many")
    rows.insert(500, [""] * len(header))
    return [header, *rows]


def inactive_accounts(dice: random.Random, size: int) -> list[list[str]]:
    """Customers who have not ordered for a year, as HubSpot exports them and Excel saves them."""
    header = [
        "Record ID", "First Name", "Last Name", "Email", "Phone Number", "Company Name", "Country/Region", "City",
        "Preferred language", "Contact owner", "Lifecycle Stage", "Last Activity Date", "Customer Number",
        "Annual revenue",
    ]  # fmt: skip
    rows = []
    for number in range(1, size + 1):
        person = Person(dice)
        rows.append(
            [
                str(90_000 + number), person.first, person.last, person.address, person.phone, person.company,
                person.country, person.city, person.language, dice.choice(OWNERS), "Customer",
                f"2025-{dice.randrange(1, 13):02d}-{dice.randrange(1, 29):02d}", f"00{dice.randrange(10_000, 99_999)}",
                f"{dice.randrange(1, 900)}.000,00 €",
            ]
        )  # fmt: skip
    for row in rows[4::30]:
        row[3] = ""
    for row in rows[7::40]:
        row[3] = f"{row[3]}, {row[3].replace('@', '+old@')}"
    for row in rows[9::33]:
        row[3] = row[3].replace("@", " at ")
    for number in range(12, len(rows), 35):
        rows[number][3] = rows[number - 7][3].title()
    for row in rows[15::28]:
        row[4] = f"'{row[4]}"
    for row in rows[16::36]:
        row[12] = f'="{row[12]}"'
    for row in rows[18::24]:
        row[6] = ""
    for row in rows[21::50]:
        row[1], row[2] = "None", "NA"
    for row in rows[24::45]:
        row[9] = ""
    return [header, *rows]


def webinar(dice: random.Random, size: int) -> list[list[str]]:
    """People who registered for a webinar, as a German tool exports them."""
    header = ["Vorname", "Nachname", "E-Mail-Adresse", "Firma", "Funktion", "Telefon", "Land", "Ort", "Zeitzone",
              "Zuständig", "Frage an uns"]  # fmt: skip
    rows = []
    for _ in range(size):
        person = Person(dice, (*PLACES[:3], *PLACES))
        question = dice.choice(("", "Was kostet das?", "Gibt es eine Demo?\nUnd wann?", 'Läuft es "on premises"?'))
        rows.append([person.first, person.last, person.address, person.company, person.title, person.phone,
                     person.country, person.city, person.zone, dice.choice(OWNERS), question])  # fmt: skip
    rows[3][2] = ""
    rows[9][2] = "jörg@dünenwind.example"
    rows[14][2] = "anke@dünenwind.example"
    rows[20][2] = f"{rows[20][2]} oder {rows[21][2]}"
    rows[26][2] = rows[25][2].upper()
    rows[31][8] = "MEZ/Sommerzeit"
    rows[37][10] = "=cmd|' /C calc'!A0"
    rows[44][2] += "\u00a0"
    return [header, *rows]


class Person:
    """Somebody who fills in a form; where his time zone can be read off differs."""

    def __init__(self, dice: random.Random, places: tuple[tuple, ...] = PLACES) -> None:
        country, zone, self.language, code, cities, firsts, lasts = dice.choice(places)
        self.first, self.last, self.city = dice.choice(firsts), dice.choice(lasts), dice.choice(cities)
        self.company, domain = dice.choice(COMPANIES)
        self.title = dice.choice(TITLES)
        self.phone = f"{code} {dice.randrange(200_0000, 999_9999)}"
        self.country = country
        self.zone = zone if dice.random() < 0.6 or country in ("United States", "Canada", "Australia") else ""
        name = f"{self.first}.{self.last}".lower().replace(" ", "").translate(str.maketrans(PLAIN))
        local = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
        self.address = f"{local}{dice.randrange(1, 9_999)}@{domain}"


if __name__ == "__main__":
    main()
