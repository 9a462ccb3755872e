"""Every command, variable, setting and message in docs/azure.md exists."""

from __future__ import annotations

import re
import shlex

import pytest

from infra import cost, deploy
from infra.advice import KNOWN_FAILURES, recognize
from infra.shell import ROOT
from infra.variables import LIVE_REVISION, list_variables
from infra.versions import AZ, AZD, BICEP, FUNC, PYTHON

DOC = (ROOT / "docs" / "azure.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", DOC, re.DOTALL | re.MULTILINE)
PROSE = re.sub(r"^```.*?^```", "", DOC, flags=re.DOTALL | re.MULTILINE)
SPANS = [" ".join(span.split()) for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", PROSE)]
BICEP_FILES = "".join(file.read_text() for file in (ROOT / "infra").rglob("*.bicep*"))

OWN = ("infra/deploy", "infra/cost", "infra/destroy")

# The groups and verbs of az that the document uses; the real az knows them (2.91).
AZ_COMMANDS = {
    "account set",
    "account show",
    "acr agentpool create",
    "acr build",
    "acr import",
    "acr list",
    "ad app create",
    "ad app update",
    "ad sp create",
    "ad sp show",
    "ad sp update",
    "ad user show",
    "bicep upgrade",
    "bicep version",
    "cognitiveservices account purge",
    "communication identity assign",
    "eventgrid system-topic event-subscription delete",
    "eventgrid system-topic list",
    "functionapp keys list",
    "functionapp keys set",
    "functionapp list",
    "functionapp list-flexconsumption-locations",
    "group create",
    "group show",
    "identity create",
    "identity federated-credential create",
    "identity federated-credential list",
    "identity show",
    "keyvault create",
    "keyvault key create",
    "keyvault show",
    "lock delete",
    "login",
    "rest",
    "role assignment create",
    "role assignment delete",
    "version",
}
AZD_COMMANDS = {"env new", "env set", "up", "version"}


def own_commands() -> list[str]:
    """The document's commands of this repository, each on one line."""
    lines = [line for block in BLOCKS for line in block.replace("\\\n", " ").splitlines()]
    commands = [line for line in lines if re.match(r"(?:[A-Z_]+=\S* )*infra/", line)]
    return commands + [s for s in SPANS if re.match(r"(?:[A-Z_]+=\S* )*infra/\w+( |$)", s)]


def program_commands(program: str) -> set[str]:
    """The words of a program's commands, up to their first option or argument."""
    texts = [block.replace("\\\n", " ") for block in BLOCKS] + SPANS
    words = rf"(?:^|[(\s]){program} ((?:[a-z][a-z-]*(?: |$|(?=[)\n`])))+)"
    found = {match.strip() for text in texts for match in re.findall(words, text, re.MULTILINE)}
    return {re.sub(r" calls$", "", command) for command in found}


@pytest.mark.parametrize("command", sorted(set(own_commands())))
def test_own_command_is_understood(command: str) -> None:
    words = shlex.split(command, comments=True)
    variables = [word for word in words if re.match(r"[A-Z_]+=", word)]
    program, *arguments = words[len(variables) :]
    known = {variable.name for variable in list_variables("main", "streamer", "subscriptions")}
    for variable in variables:
        assert variable.partition("=")[0] in known | {"IMAGE_AGENT_POOL", "BASE_IMAGE"}
    if arguments == ["STEP..."] or "--help" in arguments or program not in OWN:
        assert (ROOT / program).exists()
    elif program == "infra/deploy":
        deploy._parse(arguments)
    elif program == "infra/cost" and arguments:
        cost._parse(arguments)
    elif program == "infra/destroy":
        options = {word for word in arguments if word.startswith("--")}
        text = (ROOT / "infra" / "destroy.py").read_text()
        assert all(f'"{option}"' in text for option in options)


def test_misspelled_command_is_noticed() -> None:
    for arguments in (["everything"], ["provision", "--regoin", "x"]):
        with pytest.raises(SystemExit):
            deploy._parse(arguments)


def test_commands_of_az_and_azd_are_known() -> None:
    assert len(own_commands()) > 20
    assert program_commands("az") == AZ_COMMANDS
    assert program_commands("azd") == AZD_COMMANDS


def test_every_block_is_a_script_that_a_shell_understands() -> None:
    for block in BLOCKS:
        for line in block.replace("\\\n", " ").splitlines():
            shlex.split(line, comments=True)


def test_tools_have_the_versions_that_are_checked() -> None:
    table = DOC[DOC.index("| tool | at least |") : DOC.index("**On Windows**")]
    documented = re.findall(r"^\| [^|]+ \| (\d[\d.]+) \|", table, re.MULTILINE)
    minimums = [tool.minimum for tool in (AZ, BICEP, FUNC, AZD)]
    assert documented == [".".join(map(str, m)) for m in (*minimums, PYTHON)]


def test_all_variables_are_listed_with_their_defaults() -> None:
    table = DOC[DOC.index("### All variables") : DOC.index("## When something fails")]
    rows = re.findall(r"^\| `(\w+)` \| (?:`([^`]*)` )?\|", table, re.MULTILINE)
    variables = list_variables("main", "streamer", "subscriptions")
    assert [name for name, _ in rows] == [row[0] for row in dict.fromkeys(rows)]
    assert dict(rows) == {variable.name: variable.default for variable in variables}
    assert LIVE_REVISION not in DOC


def test_variables_that_infra_deploy_itself_reads_are_listed() -> None:
    code = "".join(file.read_text() for file in (ROOT / "infra").glob("*.py"))
    read = set(re.findall(r'(?:env|environ|environment)(?:\.get\(|\[)"([A-Z_]+)"', code))
    for name in read - {"BICEP"}:
        assert f"`{name}`" in DOC, name


def test_parameters_that_are_named_exist() -> None:
    """A name in camelCase, in code style, is a parameter or a property of the templates."""
    names = {s for s in SPANS if re.fullmatch(r"[a-z]+(?:[A-Z][a-z]+)+", s)}
    # A property of Azure's and the fields of the API are no parameters.
    for name in names:
        assert re.search(rf"\b{name}\b", BICEP_FILES), name


def test_messages_in_the_table_are_recognized() -> None:
    table = DOC[DOC.index("| message | meaning | do |") : DOC.index("### Docker Hub refuses")]
    examples = {"BCP": "BCP035", "AADSTS": "AADSTS70043"}
    named = set()
    for row in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE):
        for message in re.findall(r"`([^`]+)`", row):
            failure = recognize(examples.get(message, message))
            named |= {failure.name} if failure else {message}
    unrecognized = named - {failure.name for failure in KNOWN_FAILURES}
    # These are retried; the advice of their steps says the same.
    assert unrecognized == {
        "unable to pull image using Managed identity",
        "Forbidden",
        "ServiceUnavailable from host runtime",
    }
    assert named >= {failure.name for failure in KNOWN_FAILURES}


def test_headings_that_the_programs_name_exist() -> None:
    code = "".join(file.read_text() for file in (ROOT / "infra").rglob("*.py"))
    code = re.sub(r'"\s*\n\s*f?"', "", code)
    headings = set(re.findall(r"^#+ (.+)$", DOC, re.MULTILINE))
    named = set(re.findall(r"docs/azure\.md, '([^']+)'", code))
    named |= set(re.findall(r"'([^']+)' in docs/azure\.md", code))
    assert len(named) >= 5
    workflow = (ROOT / ".github" / "workflows" / "deploy.yml").read_text()
    named |= set(re.findall(r"docs/azure\.md, '([^']+)'", workflow))
    assert named <= headings


def test_base_image_is_that_of_the_dockerfile() -> None:
    dockerfile = (ROOT / "streamer" / "Dockerfile").read_text()
    (image, digest) = re.findall(r"ARG BASE_IMAGE=python:([\w.-]+)@(sha256:[0-9a-f]+)", dockerfile)[
        0
    ]
    assert f"--source docker.io/library/python@{digest}" in DOC
    assert f"--image python:{image}" in DOC


def test_windows_has_its_ways() -> None:
    for way in ("dev container", "Azure Cloud Shell", "POSIX shell"):
        assert way in DOC
