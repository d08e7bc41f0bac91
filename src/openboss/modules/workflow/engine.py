"""SpiffWorkflow behind a small door: where an instance stands, and what comes next when something is done there.

Tasks of people and calls of functions are both places at which the engine waits; who comes back from there is none of
its business. It runs no scripts and evaluates no Python: conditions are ours (conditions.py).
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, NoReturn

from SpiffWorkflow.bpmn.parser import BpmnParser
from SpiffWorkflow.bpmn.parser.TaskParser import TaskParser
from SpiffWorkflow.bpmn.parser.util import full_tag
from SpiffWorkflow.bpmn.serializer.workflow import BpmnWorkflowSerializer
from SpiffWorkflow.bpmn.specs.defaults import EndEvent, ManualTask
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.exceptions import SpiffWorkflowException
from SpiffWorkflow.util.task import TaskState

from openboss.modules.workflow import conditions
from openboss.modules.workflow.diagram import root_of


class NotCarriedOut(ValueError):
    """The engine does not take the diagram; the message says why."""


class _Parser(BpmnParser):
    """Functions are called by us: to the engine they are a place where it waits.

    Conditions are tried in the order in which they stand in the document. Left alone, the engine would try them by
    how high their targets are drawn, so that moving a box could change what happens.
    """

    OVERRIDE_PARSER_CLASSES = {full_tag("serviceTask"): (TaskParser, ManualTask)}

    def get_document_positions(self, root: object) -> dict[str, Any]:  # noqa: ARG002
        """No element stands anywhere."""
        return {}


class _Conditions:
    """What the engine asks when it must choose a way; it can ask nothing else."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def evaluate(self, task: object, expression: str, external_context: object = None) -> bool:  # noqa: ARG002
        """Whether a condition holds for this instance."""
        return conditions.holds(expression, self._values)

    def execute(self, *_given: object, **_named: object) -> NoReturn:
        """Scripts are refused on publishing; one that came here would be a bug."""
        raise AssertionError("scripts are never run")


_SERIALIZER = BpmnWorkflowSerializer()


class Walk:
    """One instance on its way through a diagram."""

    def __init__(self, workflow: BpmnWorkflow, values: Mapping[str, Any]) -> None:
        """Go as far as nothing has to be waited for."""
        self._workflow = workflow
        self._workflow.script_engine = _Conditions(values)
        self._workflow.do_engine_steps()

    @classmethod
    def begin(cls, xml: str, *, flow: str, values: Mapping[str, Any]) -> "Walk":
        """Begin under a diagram that was checked. Raises NotCarriedOut."""
        try:
            parser = _Parser()
            parser.add_bpmn_xml(root_of(xml))
            return cls(BpmnWorkflow(parser.get_spec(flow)), values)
        except (SpiffWorkflowException, conditions.ConditionRefused) as wrong:
            raise NotCarriedOut(str(wrong)) from wrong

    @classmethod
    def resume(cls, state: dict[str, Any], values: Mapping[str, Any]) -> "Walk":
        """Go on where `state` says."""
        copied = deepcopy(state)  # the engine makes its objects of what it is given, in place
        _SERIALIZER.migrate(copied)
        return cls(_SERIALIZER.from_dict(copied), values)

    @property
    def state(self) -> dict[str, Any]:
        """Where it stands, as data of JSON."""
        return {**_SERIALIZER.to_dict(self._workflow), _SERIALIZER.VERSION_KEY: _SERIALIZER.VERSION}

    @property
    def waiting(self) -> dict[str, str]:
        """The places at which something has to be done: place -> element."""
        ready = self._workflow.get_tasks(state=TaskState.READY, manual=True)
        return {str(task.id): task.task_spec.bpmn_id for task in ready}

    @property
    def end(self) -> str:
        """The end it came to last; empty: it goes on."""
        if not self._workflow.completed:
            return ""
        ends = self._workflow.get_tasks(state=TaskState.COMPLETED, spec_class=EndEvent)
        return max(ends, key=lambda task: task.last_state_change).task_spec.bpmn_id

    def done(self, place: str) -> None:
        """Note that what a place waited for was done, and go on."""
        task = next(one for one in self._workflow.get_tasks(state=TaskState.READY) if str(one.id) == place)
        task.run()
        self._workflow.do_engine_steps()
