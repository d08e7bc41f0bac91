"""Names for invented people and units: how common they are, and how they read in pinyin.

Everything comes out as polars columns gathered from small tables, so that four million names cost a second.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
from pypinyin import lazy_pinyin

# The commonest surnames first, each with its share in ten thousand (rounded; the rest share what is left).
SURNAMES = (  # noqa: SIM905 - a table read in pairs
    "王 720 李 718 张 680 刘 540 陈 460 杨 310 黄 230 赵 230 周 210 吴 205 徐 170 孙 155 胡 135 朱 130 高 120 林 120 "
    "何 118 郭 115 马 108 罗 107 梁 88 宋 85 郑 84 谢 80 韩 75 唐 70 冯 68 于 64 董 62 萧 60 程 60 曹 58 袁 55 邓 54 "
    "许 52 傅 50 沈 49 彭 47 吕 46 苏 45 卢 44 蒋 43 蔡 43 贾 41 丁 40 魏 39 薛 38 叶 37 阎 36 余 36 潘 35 杜 34 戴 33 "
    "夏 33 钟 32 汪 32 田 31 姜 30 范 30 方 30 石 29 姚 29 谭 28 廖 28 邹 28 熊 27 金 27 陆 26 郝 26 孔 25 白 25 崔 25"
).split()
MALE = "伟强磊军勇杰涛明超刚平辉鹏飞波斌宇浩凯健俊峰帆志建国文博嘉诚子轩浩然天佑宏毅思远一鸣家豪立新永康海洋振华晓东"
FEMALE = "芳娜敏静丽艳娟霞秀英桂兰玲燕红梅雪婷倩颖欣怡雨桐梓涵诗雅文慧淑珍玉佳琪思琪晓燕美华海燕丹萍洁莉琳璐瑶梦"
PINYIN_FIXES = {"于": "yu", "曾": "zeng", "任": "ren", "单": "shan", "吕": "lv", "重": "chong"}

UNIT_PLACES = "江城 楚天 荆楚 长江 东湖 汉水 黄鹤 三峡 武当 神农 清江 洪湖 大别山 金银湖 光谷 古田".split()  # noqa: SIM905
UNIT_STEMS = "宏达 鑫源 远大 恒信 瑞丰 天成 博雅 华光 盛世 联创 新程 启航 正大 汇通 安泰 同济".split()  # noqa: SIM905
UNIT_TRADES = "机械制造 物流运输 食品 建筑安装 信息技术 商贸 纺织 医药 房地产 教育咨询 汽车服务 电子".split()  # noqa: SIM905
UNIT_TRADES_EN = (  # noqa: SIM905
    "Machinery|Logistics|Foods|Construction|Information Technology|Trading|Textiles|Pharmacy|Real Estate"
    "|Education|Motor Services|Electronics"
).split("|")

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Names:
    """Columns of equal length: the name as written, its syllables, its initials."""

    name: pl.Series
    pinyin: pl.Series
    initials: pl.Series


def syllables(text: str) -> list[str]:
    """Read a name syllable by syllable in pinyin, with the surnames' own readings."""
    return [PINYIN_FIXES.get(sign) or lazy_pinyin(sign)[0] for sign in text]


def spell(name: str) -> tuple[str, str]:
    """Give a name's pinyin and initials, as search reads them: ('zhang yu tong', 'zyt')."""
    parts = syllables(name)
    return " ".join(parts), "".join(part[0] for part in parts)


def draw_person_names(rng: np.random.Generator, is_male: npt.NDArray[np.bool_]) -> Names:
    """Draw one name a person; two thirds have a given name of two characters."""
    people = len(is_male)
    weights = np.array(SURNAMES[1::2], np.float64)
    surname = _table(SURNAMES[::2]).gather(rng.choice(len(weights), people, p=weights / weights.sum()))
    givens = _table(list(MALE) + list(FEMALE))
    first = np.where(is_male, rng.integers(0, len(MALE), people), len(MALE) + rng.integers(0, len(FEMALE), people))
    second = np.where(is_male, rng.integers(0, len(MALE), people), len(MALE) + rng.integers(0, len(FEMALE), people))
    has_second = pl.Series(rng.random(people) < 0.67)
    parts = pl.DataFrame({"s": surname, "f": givens.gather(first), "g": givens.gather(second), "two": has_second})
    rows = parts.select(
        name=pl.concat_str(_field("s", 0), _field("f", 0), _second(0, "")),
        pinyin=pl.concat_str(_field("s", 1), pl.lit(" "), _field("f", 1), _second(1, " ")),
        initials=pl.concat_str(_field("s", 2), _field("f", 2), _second(2, "")),
    )
    return Names(rows["name"], rows["pinyin"], rows["initials"])


def unit_name(index: int) -> tuple[str, str]:
    """Name the index-th unit in Chinese and English; 3,072 differ before a number is added."""
    place = index % len(UNIT_PLACES)
    stem = index // len(UNIT_PLACES) % len(UNIT_STEMS)
    trade = (index * 5 + index // 7) % len(UNIT_TRADES)
    round_number = index // (len(UNIT_PLACES) * len(UNIT_STEMS))
    mark = f"第{round_number + 1}" if round_number else ""
    zh = f"{UNIT_PLACES[place]}{UNIT_STEMS[stem]}{mark}{UNIT_TRADES[trade]}有限公司"
    words = ["".join(lazy_pinyin(part)).capitalize() for part in (UNIT_PLACES[place], UNIT_STEMS[stem])]
    return zh, " ".join([*words, UNIT_TRADES_EN[trade], *([str(round_number + 1)] if round_number else []), "Co. Ltd"])


def _table(signs: list[str]) -> pl.Series:
    """A table of characters, each as 'sign|syllable|initial', gathered once and split in columns."""
    return pl.Series([f"{sign}|{syllables(sign)[0]}|{syllables(sign)[0][0]}" for sign in signs])


def _field(column: str, part: int) -> pl.Expr:
    return pl.col(column).str.split("|").list.get(part)


def _second(part: int, before: str) -> pl.Expr:
    return pl.when("two").then(pl.concat_str(pl.lit(before), _field("g", part))).otherwise(pl.lit(""))
