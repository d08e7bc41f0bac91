"""A month's bills worked out in memory by the bill run's own steps, with nothing stored."""

from dataclasses import dataclass, field

import polars as pl

from openboss.modules.billing.functions.discounting import discount_part
from openboss.modules.billing.functions.lines import make_lines
from openboss.modules.billing.functions.run_files import RunFiles
from openboss.modules.billing.functions.tariff_of_run import RunTariff


@dataclass(frozen=True)
class FramesInMemory(RunFiles):
    """The frames between the steps of a bill run that nobody keeps."""

    frames: dict[str, pl.DataFrame] = field(default_factory=dict)

    def put(self, part: int, name: str, frame: pl.DataFrame) -> None:  # noqa: ARG002 -- there is one part
        """Hold one frame."""
        self.frames[name] = frame

    def get(self, part: int, name: str) -> pl.DataFrame:  # noqa: ARG002
        """Give one frame."""
        return self.frames[name]


NOTHING_MORE = {
    "members": pl.DataFrame(schema={"subscriber_id": pl.Int64, "group_id": pl.Int64, "kind": pl.String}),
    "past": pl.DataFrame(
        schema={"subscriber_id": pl.Int64, "cycle": pl.Int32, "item_id": pl.Int16, "due_fen": pl.Int64}
    ),
}


def bill_in_memory(*, cycle: int, tariff: RunTariff, inputs: dict[str, pl.DataFrame]) -> FramesInMemory:
    """Work out lines, discounts and what is due of a month for some users together.

    inputs  usage, charges, attributes, holdings, stops, relations, and if rules ask for them members and past: as
            COLLECT gives them to a part
    Returns the frames `lines`, `due` (subscriber_id, item_id, column, std_li, due_li) and `choices` beside the inputs.
    """
    files = FramesInMemory(cycle, 0, NOTHING_MORE | inputs)
    make_lines(files=files, part=0, tariff=tariff)
    discount_part(files=files, part=0, tariff=tariff)
    return files
