"""Molecular function: records that name no number, only an IMSI, find the number it had at that moment.

Source: D4.1 (served_imsi), D4.2 (E306), D4.7 step 1.
"""

import numpy as np

from openboss.modules.charging.canonical import IMSI, UsageBlock
from openboss.modules.charging.normalise import NormalisedBlock, normalise
from openboss.modules.charging.numbering import NumberingTables, OperatorClock, knowing_imsis
from openboss.modules.customers.functions import numbers_of_imsis

NUMBER_NOT_FOUND = 306


def look_again_by_imsi(
    block: UsageBlock,
    found: NormalisedBlock,
    tables: NumberingTables,
    clock: OperatorClock,
    *,
    now_s: int,
    file_id: int,
) -> NormalisedBlock:
    """Classify a block once more if some of its records name an IMSI alone, knowing now whose IMSIs they are.

    found   what the first look, which knows no IMSI, made of the block

    Asked of the base by block and not kept: cards change hands daily, and few sources leave the number out.
    """
    nameless = found.faulty_rows[found.faulty_codes == NUMBER_NOT_FOUND]
    if not len(nameless):
        return found
    numbers = numbers_of_imsis(np.unique(block.columns[nameless, IMSI]).tolist())
    if numbers.is_empty():
        return found
    return normalise(block, knowing_imsis(tables, numbers), clock, now_s=now_s, file_id=file_id)
