"""``infra/destroy`` deletes a resource group once its name is given twice."""

from __future__ import annotations

from infra.shell import ROOT

from .cloud import Cloud


def test_group_is_deleted_only_if_it_is_named_twice(cloud: Cloud) -> None:
    cloud.set(group="rg-calls")
    completed = cloud.destroy()
    assert completed.returncode == 1
    assert "standard input is not a terminal" in completed.stderr
    completed = cloud.destroy("--group-to-delete", "rg-other")
    assert completed.returncode == 1
    assert "az group delete" not in cloud.commands
    completed = cloud.destroy("--group-to-delete", "rg-calls")
    assert completed.returncode == 0, completed.stderr
    assert "stcalls" in completed.stdout
    assert cloud.state["group"] == ""
    # Otherwise the next deployment finds their names in use.
    assert cloud.commands[-3:] == [
        "az monitor log-analytics workspace delete",
        "az group delete",
        "az cognitiveservices account purge",
    ]
    completed_process = cloud.run(ROOT / "infra" / "destroy")
    assert completed_process.returncode == 0, completed_process.stderr
    assert "nothing to do" in completed_process.stdout
