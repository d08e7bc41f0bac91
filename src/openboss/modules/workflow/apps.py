"""The Django app of the workflow module."""

from django.apps import AppConfig


class WorkflowConfig(AppConfig):
    """Registers the tables of workflow under the label `workflow`."""

    name = "openboss.modules.workflow"
    label = "workflow"
