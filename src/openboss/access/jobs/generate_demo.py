"""The people of the tour: customers with fixed ids whose bills are known to the fen beforehand.

They are the first subscribers of every generated base. Nothing of them is drawn by lot and nobody calls them, so a
bill of theirs is exactly what their acts and their plan say. Sources: D1.2, D3, D5, D6, ACP-08 to ACP-13, ACP-25.
"""

from dataclasses import dataclass
from datetime import date

LOCAL_OTHER = "13002710088"  # another network's mobile in the capital
LOCAL_SHANGHAI = "02161234567"
BEIJING = "01062345678"
WORKDAYS = tuple(range(2, 28))


@dataclass(frozen=True)
class Act:
    """The same use on several days of a month.

    days        days of the month
    at          local time of day, "10:00:00"
    months      months of the year it happens in, None = each
    visited     area visited, 0 = at home
    """

    record: str
    days: tuple[int, ...]
    at: str = "10:00:00"
    duration_s: int = 0
    other: str = LOCAL_OTHER
    visited: int = 0
    volume_kb: int = 0
    months: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Person:
    """One subscriber of the tour. `pays` says who else pays: the unit of the split case, or the family's payer."""

    name: str
    is_male: bool
    born_on: date
    brand: str
    main: str
    acts: tuple[Act, ...]
    addons: tuple[str, ...] = ()
    vip_level: str = "NONE"
    pays: str = "SELF"


def talk(minutes: int, days: tuple[int, ...], **more: object) -> Act:
    """A call made on each of these days, whole minutes long."""
    return Act("MOC", days, duration_s=minutes * 60, **more)  # type: ignore[arg-type]


PEOPLE = (
    Person(  # October is dearer than September: she roams in Shanghai over the holiday and her data runs over
        "张雨桐",
        False,
        date(1993, 5, 18),
        "GOTONE",
        "GOTONE_LOCAL_58",
        (
            talk(9, WORKDAYS[:20]),
            Act("DATA", WORKDAYS, "20:15:00", 900, volume_kb=1000),
            talk(7, (3, 4, 5, 6, 7), at="11:30:00", visited=21, other=LOCAL_SHANGHAI, months=(10,)),
            talk(4, (3, 4, 5, 6), at="21:05:00", visited=21, other=BEIJING, months=(10,)),
            Act("DATA", (3, 4, 5, 6, 7), "22:10:00", 1800, visited=21, volume_kb=31 * 1024, months=(10,)),
        ),
        ("CALLER_DISPLAY",),
    ),
    Person(  # 60 minutes are free, 250 cost 50.00, less 20 % from the age of 60: 40.00 (ACP-09)
        "李秀英",
        False,
        date(1952, 3, 8),
        "EASYOWN",
        "EASYOWN_ELDER",
        (talk(31, WORKDAYS[:10]),),
    ),
    Person(  # the same use at 59: 50.00
        "王桂兰",
        False,
        date(1967, 9, 30),
        "EASYOWN",
        "EASYOWN_ELDER",
        (talk(31, WORKDAYS[:10]),),
    ),
    Person(  # data worth 812.30 without a pack, capped at 500.00 (ACP-11)
        "赵磊",
        True,
        date(1990, 7, 1),
        "EASYOWN",
        "EASYOWN_STANDARD",
        (Act("DATA", WORKDAYS[:20], "23:40:00", 3000, volume_kb=143_413),),
    ),
    Person(  # 98.00 + 30 x 0.40 + 10 x 0.60 = 116.00 (D5.2)
        "陈志明",
        True,
        date(1975, 11, 2),
        "GOTONE",
        "GOTONE_98",
        (talk(10, WORKDAYS[:20]), talk(10, (25,), visited=21, other=LOCAL_SHANGHAI)),
    ),
    Person(  # 88.00 + 20 x 0.19 + 10 x 0.29 = 94.70 (D5.3)
        "刘洋",
        True,
        date(1985, 1, 15),
        "GOTONE",
        "GOTONE_LOCAL_88",
        (talk(25, WORKDAYS[:20]), Act("DATA", WORKDAYS[:20], "21:00:00", 600, volume_kb=2048)),
    ),
    Person(  # 134 MB in steps of 100: 10.00 + 34 x 0.29 = 19.86 (D5.5)
        "孙小梅",
        False,
        date(2001, 4, 4),
        "EASYOWN",
        "EASYOWN_STANDARD",
        (Act("DATA", (5, 15), "19:00:00", 600, volume_kb=67 * 1024),),
        ("DATA_STEP_10",),
    ),
    Person(  # broadband of 50.00 takes 10.00 off the rent: 58.00 becomes 48.00 (ACP-12)
        "周婷",
        False,
        date(1988, 8, 8),
        "GOTONE",
        "GOTONE_LOCAL_58",
        (talk(5, WORKDAYS[:8]),),
        ("BROADBAND_50", "FUSION_RENT"),
    ),
    Person(  # use of 120.00; of -20 %, cap 90.00 and -25.00 the cap is chosen: 90.00 (ACP-13)
        "吴刚",
        True,
        date(1979, 6, 21),
        "GOTONE",
        "UNIT_LINE_50",
        (talk(15, WORKDAYS[:20]),),
        ("BEST_OF_THREE",),
    ),
    Person(  # 400 minutes at 0.40, half price above 300: 140.00 (ACP-08)
        "郑海",
        True,
        date(1982, 12, 12),
        "GOTONE",
        "UNIT_LINE_50",
        (talk(20, WORKDAYS[:20]),),
        ("VOLUME_300_MARGINAL",),
    ),
    Person(  # split payment, user 1: rent 50.00, calls 130.00; the unit pays 150.00, she 30.00 (D1.2)
        "林静",
        False,
        date(1991, 2, 14),
        "GOTONE",
        "UNIT_LINE_50",
        (talk(25, WORKDAYS[:13]),),
        pays="UNIT",
    ),
    Person(  # split payment, user 2: rent 50.00, calls 80.00; the unit pays all, his bill is 0.00 (D1.2)
        "马超",
        True,
        date(1987, 10, 10),
        "GOTONE",
        "UNIT_LINE_50",
        (talk(25, WORKDAYS[:8]),),
        pays="UNIT",
    ),
    Person(  # the family's payer: 5 people at 2.00 = 10.00 (D5.7)
        "杨帆",
        True,
        date(1980, 3, 3),
        "GOTONE",
        "GOTONE_LOCAL_88",
        (talk(6, WORKDAYS[:10]),),
        ("FAMILY_HAPPY",),
    ),
    Person(
        "杨晓",
        False,
        date(1983, 5, 5),
        "GOTONE",
        "GOTONE_LOCAL_58",
        (talk(3, (4, 9)),),
        ("FAMILY_HAPPY",),
        pays="FAMILY",
    ),
    Person(
        "杨子涵", False, date(2008, 6, 1), "MZONE", "MZONE_20", (talk(2, (8, 18)),), ("FAMILY_HAPPY",), pays="FAMILY"
    ),
    Person(
        "杨建国",
        True,
        date(1953, 9, 9),
        "EASYOWN",
        "EASYOWN_ELDER",
        (talk(4, (7, 17)),),
        ("FAMILY_HAPPY",),
        pays="FAMILY",
    ),
    Person(
        "徐玉珍",
        False,
        date(1955, 1, 20),
        "EASYOWN",
        "EASYOWN_ELDER",
        (talk(5, (6, 16)),),
        ("FAMILY_HAPPY",),
        pays="FAMILY",
    ),
    Person(  # 900 incoming minutes cost 0 (ACP-25)
        "何军",
        True,
        date(1972, 7, 7),
        "GOTONE",
        "GOTONE_98",
        (Act("MTC", WORKDAYS[:20], "15:00:00", 45 * 60),),
        ("UNLIMITED_INCOMING",),
    ),
    Person(  # Diamond: of 15, 10 and 5 % the best alone is taken
        "高建华",
        True,
        date(1968, 4, 25),
        "GOTONE",
        "GOTONE_388",
        (talk(60, WORKDAYS[:20]),),
        ("VIP_CLUB",),
        "DIAMOND",
    ),
    Person(  # calls across 07:00 over long distance: 2 x 0.04 + 3 x 0.07 = 0.29 each (D3.11)
        "曹明",
        True,
        date(1995, 2, 2),
        "GOTONE",
        "GOTONE_30",
        (Act("MOC", (5, 6, 7), "06:59:50", 30, other=BEIJING),),
    ),
)

UNIT_NAME = ("江汉机械制造有限公司", "Jianghan Machinery Co. Ltd")
FAMILY_NAME = ("杨帆之家", "The Yang family")
