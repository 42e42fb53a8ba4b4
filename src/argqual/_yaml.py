"""Read untrusted YAML into plain data that remembers where each value stood.

Only mappings, lists, text, numbers, true/false and null are understood: no tag makes an object, no alias multiplies a
small file into a large one, and a key that is written twice is an error instead of a silent loss. A number is what its
author sees: 010, which YAML takes for 8, and 1:30, which it takes for 90, are refused, and 1e-3, which it takes for
text, is a number.
"""

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from yaml.constructor import SafeConstructor
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.resolver import Resolver

from argqual.errors import ArgqualError

if TYPE_CHECKING:
    from pydantic import ValidationError

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLAIN_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")}
_MAX_BYTES = 1_000_000
_MAX_VALUES = 50_000
_MAX_DEPTH = 100
_DECIMAL = re.compile(r"[-+]?(0|[1-9]\d*|[1-9]\d{0,2}(_\d{3})+)(\.\d*)?([eE][-+]?\d+)?|[-+]?\.\d+([eE][-+]?\d+)?")
_OCTAL = re.compile(r"[-+]?0o[0-7_]+")  # text for YAML 1.1, a number for 1.2
# Spaces that are none for YAML, so that they become part of a word; they look like one, or like nothing at all.
_ODD_SPACES = "\u00a0\u1680\u180e" + "".join(map(chr, range(0x2000, 0x200C))) + "\u202f\u205f\u2060\u3000\ufeff"
_ODD_SPACE = re.compile(f"[{_ODD_SPACES}]")


class _Scalars(SafeConstructor, Resolver):
    """What PyYAML makes of a scalar, and which tag it gives to a plain one."""

    def __init__(self) -> None:
        SafeConstructor.__init__(self)
        Resolver.__init__(self)


class YamlError(ArgqualError):
    """A YAML file cannot be read; the message names file and line."""


class LocatedDict(dict[Any, Any]):
    """A mapping that knows the file and the line (from 1) of each of its keys."""

    def __init__(self) -> None:
        self.places: dict[Any, str] = {}


class LocatedList(list[Any]):
    """A list that knows the file and the line (from 1) of each of its items."""

    def __init__(self) -> None:
        self.places: list[str] = []


def read_yaml(path: Path) -> LocatedDict:
    """Read a file whose top level is a mapping.

    Raises a `YamlError` if it is missing, is not UTF-8, is not YAML, or holds something other than plain data.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
            size = max(len(raw), path.stat().st_size)  # a pipe, or a device without an end, has none
        if len(raw) > _MAX_BYTES:
            raise YamlError(f"{path}: {size:,} bytes; a framework or card has at most {_MAX_BYTES:,}.")
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise YamlError(f"{path}:{line}: not UTF-8 (byte {error.start}).", hint="Save the file as UTF-8.") from None
    except OSError as error:
        raise YamlError(f"{path}: {error.strerror or error}.") from None
    return parse_yaml(text, name=str(path))


def parse_yaml(text: str, *, name: str = "<text>") -> LocatedDict:
    """Parse YAML text; `name` stands for the file in messages."""
    try:
        _refuse_depth(text, name)
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}" if mark else name
        if "nesting depth" in (error.problem or ""):  # PyYAML's own bound, from 6.0.4 on
            raise YamlError(f"{where}: nested more than {_MAX_DEPTH} levels deep.") from None
        hint = _remedy(text.splitlines(), mark.line) if mark else None
        if hint is None and "cannot start any token" in (error.problem or ""):
            hint = "A value that begins with ` @ or % stands in quotes."
        raise YamlError(f"{where}: not valid YAML: {error.problem or error}.", hint=hint) from None
    except UnicodeEncodeError:
        raise YamlError(f"{name}: not valid Unicode.") from None
    except yaml.reader.ReaderError as error:
        where = f"{name}:{text.count(chr(10), 0, error.position) + 1}"
        raise YamlError(f"{where}: a character that YAML does not allow (at position {error.position}).") from None
    except yaml.YAMLError as error:
        raise YamlError(f"{name}: not valid YAML: {' '.join(str(error).split())}.") from None
    if root is None:
        raise YamlError(f"{name}: the file is empty.")
    if not isinstance(root, MappingNode):
        raise YamlError(f"{name}:1: expected 'key: value' lines at the top level.")
    _refuse_bombs(root, name)
    data: LocatedDict = _build(root, name, _Scalars())
    return data


def parse_value(text: str, *, name: str) -> Any:
    """What stands behind a key, given on its own: a number, a list, or else text, also such as no YAML would take."""
    try:
        root = yaml.compose(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return text
    if root is None:
        return None
    _refuse_bombs(root, name)
    return _build(root, name, _Scalars())


def _remedy(lines: list[str], wrong: int) -> str | None:
    """What to do about a line (from 0) at which YAML stops, where it looks like one of the usual accidents."""
    line = lines[wrong] if wrong < len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "YAML is indented with spaces; replace the tab."
    for place in (wrong, wrong - 1):  # what is wrong with a line may show only on the next one
        before = lines[place] if 0 <= place < len(lines) else ""
        if before.lstrip(_ODD_SPACES + " ").startswith(("```", "~~~")):
            return f"Line {place + 1} is Markdown's mark of a block of code; remove such lines."
        if odd := _ODD_SPACE.search(before):
            return f"Line {place + 1} has {_odd(odd[0])}; replace it with an ordinary space."
    return None


def _odd(space: str) -> str:
    return f"a no-break or other odd space (U+{ord(space):04X})"


def _refuse_depth(text: str, name: str) -> None:
    """Refuse nesting that would exhaust the stack of whatever walks it, before anything does."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            depth += 1
            if depth > _MAX_DEPTH:
                line = event.start_mark.line + 1 if event.start_mark else 1
                raise YamlError(f"{name}:{line}: nested more than {_MAX_DEPTH} levels deep.")
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            depth -= 1


def _refuse_bombs(root: Node, name: str) -> None:
    """Refuse aliases that contain themselves, nest too deeply, or expand beyond `_MAX_VALUES` values."""
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()

    def size(node: Node) -> int:
        if id(node) in sizes:
            return sizes[id(node)]
        if id(node) in open_nodes:
            raise YamlError(f"{_place(name, node)}: an alias contains itself.")
        if len(open_nodes) > _MAX_DEPTH:
            raise YamlError(f"{_place(name, node)}: nested more than {_MAX_DEPTH} levels deep.")
        open_nodes.add(id(node))
        children = [part for pair in node.value for part in pair] if isinstance(node, MappingNode) else node.value
        total = 1 + (0 if isinstance(node, ScalarNode) else sum(size(child) for child in children))
        open_nodes.discard(id(node))
        if total > _MAX_VALUES:
            raise YamlError(
                f"{_place(name, node)}: its aliases expand to more than {_MAX_VALUES:,} values.",
                hint="Write the repeated parts out, or use 'extends'.",
            )
        sizes[id(node)] = total
        return total

    size(root)


def _place(name: str, node: Node) -> str:
    return f"{name}:{node.start_mark.line + 1}"


def _build(node: Node, name: str, scalars: Any) -> Any:
    if node.tag not in _PLAIN_TAGS:
        tag = node.tag.replace("tag:yaml.org,2002:", "!!")
        if node.tag.endswith(":timestamp"):
            raise YamlError(f"{_place(name, node)}: a date stands here unquoted.", hint='Quote it: "2024-01-31".')
        raise YamlError(f"{_place(name, node)}: the tag {tag} is not allowed; only plain data is read.")
    if isinstance(node, MappingNode):
        return _mapping(node, name, scalars)
    if isinstance(node, SequenceNode):
        items = LocatedList()
        for child in node.value:
            items.append(_build(child, name, scalars))
            items.places.append(_place(name, child))
        return items
    assert isinstance(node, ScalarNode)
    return _scalar(node, name, scalars)


def _scalar(node: ScalarNode, name: str, scalars: Any) -> Any:
    """Text, a number, true, false or null, as whoever wrote it must have meant it."""
    kind = node.tag[18:]
    shown = node.value if len(node.value) <= 40 else node.value[:40] + "…"
    plain = not node.style
    if plain and kind == "str":
        if node.value[:1] in "-?:" and (space := _ODD_SPACE.match(node.value, 1)):
            raise YamlError(f"{_place(name, node)}: {_odd(space[0])} stands here.", hint="Write an ordinary space.")
        if (stripped := node.value.strip(_ODD_SPACES)) != node.value:
            tag = scalars.resolve(ScalarNode, stripped, (True, False))
            return _scalar(ScalarNode(tag, stripped, node.start_mark, node.end_mark, ""), name, scalars)
        if _OCTAL.fullmatch(node.value) or (_DECIMAL.fullmatch(node.value) and "e" in node.value.lower()):
            kind = "float"  # 1e-3 is text for YAML 1.1
    try:
        found = float(node.value) if kind == "float" != node.tag[18:] else scalars.construct_object(node)
    except (yaml.YAMLError, ValueError, LookupError):
        raise YamlError(
            f"{_place(name, node)}: cannot read {shown!r} as a {_SAID.get(kind, kind)}.",
            hint=_SAID.get(kind) and _DECIMALLY,
        ) from None
    number = kind in ("int", "float") and abs(found) < math.inf  # what is endless or NaN is named with its key later on
    if number and plain and not _DECIMAL.fullmatch(node.value):
        other = f"{found:g}" if abs(found) < _MANY else "another number"
        raise YamlError(f"{_place(name, node)}: '{shown}' would be read as {other}.", hint=_DECIMALLY)
    return found


_MANY = 10**15
_SAID = {"int": "number", "float": "number"}
_DECIMALLY = "Write numbers in decimals (10, 0.5, 1e-3), and what is text in quotes."


def _mapping(node: MappingNode, name: str, scalars: Any) -> LocatedDict:
    mapping = LocatedDict()
    for key_node, value_node in node.value:
        if not isinstance(key_node, ScalarNode):
            raise YamlError(f"{_place(name, key_node)}: a key must be a plain word.")
        if not key_node.style and (odd := _ODD_SPACE.search(key_node.value.rstrip(_ODD_SPACES))):
            raise YamlError(
                f"{_place(name, key_node)}: {_odd(odd[0])} stands in or before a key.", hint="Write an ordinary space."
            )
        if key_node.tag.endswith(":merge"):
            raise YamlError(
                f"{_place(name, key_node)}: the merge key (<<) is not read.", hint="Write the keys that it stands for."
            )
        key = _build(key_node, name, scalars)
        if key is None:
            raise YamlError(f"{_place(name, key_node)}: a key is missing before the colon.")
        if isinstance(key, bool):
            raise YamlError(
                f"{_place(name, key_node)}: YAML reads the key {key_node.value} as {str(key).lower()}.",
                hint=f'Quote it: "{key_node.value}".',
            )
        if key in mapping:
            raise YamlError(
                f"{_place(name, key_node)}: the key '{key}' stands here a second time "
                f"(first at {mapping.places[key]}).",
                hint="Remove one of the two.",
            )
        mapping[key] = _build(value_node, name, scalars)
        mapping.places[key] = _place(name, key_node)
    return mapping


def place_of(data: Any, path: tuple[Any, ...]) -> str | None:
    """File and line of the value at `path`, or of the nearest enclosing one that has a place."""
    place = None
    for step in path:
        if isinstance(data, LocatedDict) and step in data:
            place, data = data.places.get(step, place), data[step]
        elif isinstance(data, LocatedList) and isinstance(step, int) and step < len(data):
            place, data = data.places[step], data[step]
        else:
            break
    return place


def describe_invalid(error: "ValidationError", data: LocatedDict, name: str) -> str:
    """What the models found wrong with a file, one line a problem: `file:line: key: what is wrong`."""
    lines = []
    problems = error.errors(include_url=False)
    for problem in problems:
        steps, length = problem["loc"], len(problem["loc"])
        within = (len(other["loc"]) > length and other["loc"][:length] == steps for other in problems)
        if problem["type"] == "too_short" and any(within):
            continue  # Pydantic counts only the entries that are right
        # Pydantic marks the branch of a union, and a key, by a step that is not a key of the file.
        own = (step for step in steps if not (isinstance(step, str) and (step[:1].isupper() or step == "[key]")))
        path = (*own, *problem.get("ctx", {}).get("at", ()))
        key = ".".join(str(step + 1) if isinstance(step, int) else str(step) for step in path)
        lines.append(f"{place_of(data, path) or name}: {key + ': ' if key else ''}{_plainly(problem)}")
    return "\n".join(dict.fromkeys(lines))


def _plainly(problem: Any) -> str:
    given, kind = problem.get("input"), problem["type"]
    match kind:
        case "missing":
            return "this key is required and missing."
        case "string_type":
            return f"expected text, got {given!r}; put it in quotes."
        case "string_pattern_mismatch" if "{64}" in problem["ctx"]["pattern"]:
            return f"'{given}' is no SHA-256: 64 digits and letters a to f."
        case "string_pattern_mismatch" if "+" in problem["ctx"]["pattern"].removesuffix("*$"):
            return f"'{given}': only lower-case letters, digits and _ + . -, a letter or a digit first."
        case "string_pattern_mismatch":
            return f"'{given}': only lower-case letters, digits and _ (in a framework's id -), a letter first."
        case "too_short" | "too_long":
            context = problem["ctx"]
            bound = f"at least {context['min_length']}" if kind == "too_short" else f"at most {context['max_length']}"
            return f"has {context['actual_length']} entries, but must have {bound}."
        case "tuple_type":
            return "expected a list: [one, two], or a line with a dash for each."
        case "model_type" | "model_attributes_type" | "dict_type":
            return "expected 'key: value' lines."
        case "string_too_short":
            return "is empty."
        case "literal_error" | "enum":
            return f"'{given}' is not one of {problem['ctx']['expected']}."
        case _:
            said = str(problem["msg"]).replace("Input should be", "must be").strip(". ")
            return said if said.endswith("?") else said + "."
