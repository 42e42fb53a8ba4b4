"""An assessment as cells of a table."""

from collections.abc import Mapping
from typing import Any

from argqual.assessment import Assessment, Status
from argqual.errors import InputError
from argqual.frameworks.framework import Framework, walk
from argqual.judging.calibration import calibrated

_OTHERS = ("reason", "notes", "model", "readout", "program", "calibration")


class ResultColumns:
    """The result columns of one framework.

    `status`, `overall`, one column a criterion (its value, on the criterion's own scale), `reason` (why there is no
    value), `notes`, and where it all came from: `model`, `readout`, `program` (fingerprint), `calibration`. With
    `details`, also `assessment` with everything: probabilities, rationales, quotes, usage. `raw` leaves ratings as
    the model gave them, also where a calibration is shipped.

    All have a prefix, by default the framework's id and an underscore, so that a table can be scored by several
    frameworks in turn.
    """

    def __init__(
        self, framework: Framework, *, prefix: str | None = None, details: bool = False, raw: bool = False
    ) -> None:
        self.framework, self.raw, self.details = framework, raw, details
        self.prefix = f"{framework.id.replace('-', '_')}_" if prefix is None else prefix
        self._criteria = [criterion.id for criterion in walk(framework.criteria)]
        types: dict[str, type] = {"status": str, "overall": float}
        if framework.gate:
            types["gate"] = float
        if framework.select:
            types["kind"] = str
        for criterion in self._criteria:
            taken = criterion in types or criterion in (*_OTHERS, "assessment")
            types[f"criterion_{criterion}" if taken else criterion] = float
        types |= dict.fromkeys(_OTHERS, str)
        if details:
            types["assessment"] = dict
        self.types: dict[str, type] = {self.prefix + name: kind for name, kind in types.items()}

    def cells(self, assessment: Assessment) -> dict[str, Any]:
        """An assessment's cells, in the order of `types`."""
        if not self.raw:
            assessment = calibrated(assessment, self.framework)
        values: list[Any] = [assessment.status.value, assessment.overall.value]
        if self.framework.gate:
            values.append(assessment.gate.probability if assessment.gate else None)
        if self.framework.select:
            values.append(assessment.selected.option if assessment.selected else None)
        values += [assessment.rating(criterion).value for criterion in self._criteria]
        reason = None if assessment.status is Status.OK else assessment.overall.reason
        values += [reason, "; ".join(assessment.notes) or None]
        values += [assessment.model, assessment.readout, assessment.program, assessment.calibration]
        if self.details:
            values.append(assessment.model_dump(mode="json", exclude_none=True))
        return dict(zip(self.types, values, strict=True))

    def status(self, cells: Mapping[str, Any]) -> Status:
        """The status that stands in a scored row; an `InputError` if it is none."""
        found = cells[f"{self.prefix}status"]
        try:
            return Status(found)
        except ValueError:
            raise InputError(f"'{found}' in the column {self.prefix}status is no status of argqual's.") from None

    def program(self, cells: Mapping[str, Any]) -> str | None:
        """The fingerprint of the program that scored a row."""
        found = cells[f"{self.prefix}program"]
        return None if found is None else str(found)
