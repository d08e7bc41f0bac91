"""What can be wrong with a diagram: a code with values, and its sentence in both languages."""

from dataclasses import dataclass, field
from typing import Any

SENTENCES: dict[str, tuple[str, str]] = {  # code: English, Chinese
    "too_large": ("the file is larger than {most} characters", "文件超过 {most} 个字符"),
    "too_many": ("the diagram has more than {most} elements", "流程图超过 {most} 个元素"),
    "has_entities": (
        "the file declares a document type or entities; save it again from the editor",
        "文件声明了文档类型或实体；请从编辑器重新保存",
    ),
    "unreadable": ("this is not readable as XML: {error}", "无法按 XML 读取：{error}"),
    "not_bpmn": ("this is no BPMN 2.0 diagram", "这不是 BPMN 2.0 流程图"),
    "one_process": ("a diagram has exactly one executable process", "流程图必须恰好有一个可执行流程"),
    "unknown_element": (
        "{tag} is not carried out here; use start, end, user task, service task, exclusive or parallel gateway",
        "这里不执行 {tag}；请使用开始、结束、用户任务、服务任务、排他或并行网关",
    ),
    "script": (
        "scripts are never run: draw a service task and choose one of the known functions",
        "不执行脚本：请画服务任务并选择已知的功能",
    ),
    "bad_id": (
        "the id {value!r} must be a word of letters, digits and _, at most {most} long",
        "标识 {value!r} 只能由字母、数字和 _ 组成，最长 {most} 位",
    ),
    "id_twice": ("the id {value} stands twice", "标识 {value} 出现两次"),
    "no_name": ("give it a name in Chinese and in English", "请填写中文和英文名称"),
    "no_team": ("say which team does it, or that it is for who began", "请指定由哪个团队办理，或由发起人办理"),
    "unknown_team": ("there is no team {value}", "没有团队 {value}"),
    "no_decision": ("say what can be decided", "请指定可以作出的决定"),
    "unknown_decision": ("{value} is no known decision; one of {known}", "{value} 不是已知的决定；可用 {known}"),
    "no_call": ("choose the function that is called", "请选择要调用的功能"),
    "unknown_call": ("there is no function {value}; one of {known}", "没有功能 {value}；可用 {known}"),
    "bad_hours": ("hours until due are a whole number from 1 to {most}", "时限应为 1 到 {most} 的整数小时"),
    "escalates_without_due": ("it goes to another team, but is never due", "设了升级团队，却没有时限"),
    "bad_condition": ("the condition cannot be read: {error}", "条件无法读取：{error}"),
    "unknown_value": ("the condition asks for {value}, which nothing gives", "条件用到 {value}，但没有来源"),
    "no_default": ("a gateway with conditions needs a default way", "带条件的网关需要一条默认路径"),
    "no_condition": ("every way but the default needs a condition", "除默认路径外，每条路径都要有条件"),
    "no_start": ("there must be exactly one start", "必须恰好有一个开始"),
    "no_end": ("there must be an end", "必须有结束"),
    "unreached": ("nothing leads here", "没有路径到达这里"),
    "dead_end": ("nothing leads on from here, and it is no end", "这里没有后续路径，也不是结束"),
    "loose_flow": ("a flow leads from or to nothing", "连线没有起点或终点"),
    "never_asks": ("nobody is asked anything: draw a user task", "没有任何人参与：请画用户任务"),
    "not_carried_out": ("the engine does not take the diagram: {error}", "引擎不接受该流程图：{error}"),
}


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and the element it stands at (empty: the diagram)."""

    code: str
    element: str = ""
    values: dict[str, Any] = field(default_factory=dict)

    def of(self, language: str) -> str:
        """The sentence in `zh` or `en`, with its element."""
        said = SENTENCES[self.code][1 if language == "zh" else 0].format(**self.values)
        return f"{self.element}: {said}" if self.element else said
