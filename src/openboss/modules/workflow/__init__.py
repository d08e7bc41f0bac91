"""Work that several people do together: drawn in BPMN, carried out step by step, with a task for each of them.

OWNS      definitions of flows and their versions, instances with what happened to them, tasks, lent authority.
NOT       what a step does to customers, money or stock: `processes/multi_person` names those functions and calls them.
ALWAYS    a published version never changes, and an instance stays on the version it began with; nobody agrees to what
          they asked for, nor twice to the same thing; lent authority ends at its moment, and never reaches further
          than that of who lent it; an element of a diagram that we do not know is refused, a script never runs.
TIMES     `from_at` = the moment from which a version begins new instances, or an authority counts; `due_at` = when a
          task goes to the next team.
"""
