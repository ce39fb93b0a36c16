"""The template of deploy/, resolved as CloudFormation does: as much as it uses."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.project import SOURCE

DEPLOY = SOURCE / "deploy"
REGION = "eu-central-1"
ACCOUNT = "123456789012"
PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
}

type Properties = Mapping[str, Any]
# Makes a resource of a name, type and properties; returns its attributes, and what a
# reference to it stands for as "Ref".
type Make = Callable[[str, str, Properties], Mapping[str, str]]


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's tags, read as the functions they are short for."""


def _function(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    else:
        assert isinstance(node, yaml.SequenceNode)
        value = loader.construct_sequence(node, deep=True)
    if suffix == "GetAtt":
        value = value.split(".", 1)
    return {suffix if suffix == "Ref" else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _function)


def _read_template() -> dict[str, Any]:
    """Return the template."""
    text = (DEPLOY / "stack.yaml").read_text()
    found: dict[str, Any] = yaml.load(text, _Loader)
    return found


def read_parameters(environment: str) -> dict[str, str]:
    """Return the parameters of an environment."""
    listed = json.loads((DEPLOY / f"{environment}.json").read_text())
    return dict(each.split("=", 1) for each in listed)


class Stack:
    """The template with parameters. Resources are made as others refer to them."""

    def __init__(
        self, template: dict[str, Any], parameters: Mapping[str, str], make: Make
    ) -> None:
        self._template, self._make = template, make
        self._parameters = {
            name: _checked(name, declared, parameters.get(name))
            for name, declared in template["Parameters"].items()
        }
        assert parameters.keys() <= self._parameters.keys()
        self._made: dict[str, Mapping[str, str]] = {}

    def properties(self, name: str) -> dict[str, Any]:
        """Return the resolved properties of a resource."""
        found: dict[str, Any] = self._resolve(
            self._template["Resources"][name].get("Properties", {})
        )
        return found

    def made(self, name: str) -> Mapping[str, str]:
        """Return the attributes of a resource, which is made if it was not."""
        if name not in self._made:
            kind = self._template["Resources"][name]["Type"]
            self._made[name] = self._make(name, kind, self.properties(name))
        return self._made[name]

    def make_all(self) -> None:
        """Make every resource."""
        for name in self._template["Resources"]:
            self.made(name)

    def outputs(self) -> dict[str, str]:
        """Return what the stack says of itself."""
        declared = self._template["Outputs"]
        return {name: self._resolve(each["Value"]) for name, each in declared.items()}

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            each = [self._resolve(item) for item in value]
            return [item for item in each if item is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (name, argument), *_ = value.items()
            if name in FUNCTIONS:
                return FUNCTIONS[name](self, argument)
        return {key: self._resolve(item) for key, item in value.items()}

    def _ref(self, name: str) -> Any:
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self._parameters:
            return self._parameters[name]
        return self.made(name)["Ref"]

    def _attribute(self, names: list[str]) -> str:
        return self.made(names[0])[names[1]]

    def _sub(self, text: str) -> str:
        def replace(match: re.Match[str]) -> str:
            name, dot, attribute = match[1].partition(".")
            return self._attribute([name, attribute]) if dot else str(self._ref(name))

        return re.sub(r"\$\{([^}]+)\}", replace, text)

    def _if(self, argument: list[Any]) -> Any:
        (name, sides), *_ = self._template["Conditions"][argument[0]].items()
        assert name == "Fn::Equals"
        one, other = self._resolve(sides)
        return self._resolve(argument[1] if one == other else argument[2])

    def _find(self, argument: list[Any]) -> str:
        table, row, column = self._resolve(argument)
        return str(self._template["Mappings"][table][row][column])


FUNCTIONS: dict[str, Callable[[Stack, Any], Any]] = {
    "Ref": Stack._ref,
    "Fn::GetAtt": Stack._attribute,
    "Fn::Sub": Stack._sub,
    "Fn::If": Stack._if,
    "Fn::FindInMap": Stack._find,
}


def _checked(name: str, declared: Mapping[str, Any], given: str | None) -> Any:
    value = given if given is not None else declared.get("Default")
    assert value is not None, f"{name} has no value"
    assert value in declared.get("AllowedValues", [value]), name
    assert re.fullmatch(declared.get("AllowedPattern", ".*"), value), name
    return value.split(",") if declared["Type"].startswith("List<") else value


def invent(name: str, kind: str, _: Properties) -> dict[str, str]:
    """Return attributes for a resource that only its template knows."""
    arn = f"arn:aws:{kind.split('::')[1].lower()}:{REGION}:{ACCOUNT}:{name.lower()}"
    by_arn = ("ManagedPolicy", "Secret", "TaskDefinition", "Topic")
    return {
        "Ref": arn if kind.endswith(by_arn) else name.lower(),
        "Arn": f"arn:aws:s3:::{name.lower()}" if kind.endswith("Bucket") else arn,
        "QueueName": name.lower(),
        "RepositoryUri": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{name.lower()}",
    }


TEMPLATE = _read_template()
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]


def policy_file(name: str) -> Path:
    """Return the file of a policy of deploy/iam."""
    return DEPLOY / "iam" / f"{name}.json"
