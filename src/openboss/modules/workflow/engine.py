"""SpiffWorkflow behind a small door: where an instance stands, and what comes next when something is done there.

Tasks of people and calls of functions are both places at which the engine waits; who comes back from there is none of
its business. It runs no scripts and evaluates no Python: conditions are ours (conditions.py).
"""

from collections.abc import Mapping
from typing import Any, NoReturn

from lxml import etree
from SpiffWorkflow.bpmn.parser import BpmnParser
from SpiffWorkflow.bpmn.parser.TaskParser import TaskParser
from SpiffWorkflow.bpmn.parser.util import full_tag
from SpiffWorkflow.bpmn.serializer.workflow import BpmnWorkflowSerializer
from SpiffWorkflow.bpmn.specs.defaults import EndEvent, ManualTask
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.exceptions import SpiffWorkflowException
from SpiffWorkflow.util.task import TaskState

from openboss.modules.workflow import conditions


class NotCarriedOut(ValueError):
    """The engine does not take the diagram; the message says why."""


class _Parser(BpmnParser):
    """Functions are called by us: to the engine they are a place where it waits."""

    OVERRIDE_PARSER_CLASSES = {full_tag("serviceTask"): (TaskParser, ManualTask)}


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
            parser.add_bpmn_xml(etree.fromstring(xml.encode(), etree.XMLParser(resolve_entities=False)))
            return cls(BpmnWorkflow(parser.get_spec(flow)), values)
        except (SpiffWorkflowException, conditions.ConditionRefused) as wrong:
            raise NotCarriedOut(str(wrong)) from wrong

    @classmethod
    def resume(cls, state: dict[str, Any], values: Mapping[str, Any]) -> "Walk":
        """Go on where `state` says."""
        return cls(_SERIALIZER.from_dict(state), values)

    @property
    def state(self) -> dict[str, Any]:
        """Where it stands, as data of JSON."""
        return _SERIALIZER.to_dict(self._workflow)

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
