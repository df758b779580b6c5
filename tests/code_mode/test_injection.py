"""Names and ids from the network end up in generated code, and arrive as values, whatever is in them."""

from __future__ import annotations

import anyio
import pytest

from konnect_agent import Konnect, NotFound, ToolError

from .process import Process

pytestmark = pytest.mark.anyio
NAMES = (
    "it's", 'so-called "name"', "two\nlines", "carriage\r\nreturn", "tab\there", "nul\x00byte",
    "'); import os; os.abort() #", '"); import os; os.abort() #', "''' + str(1) + '''", "\\' + str(1) + \\'",
    "\\", "back\\slash\\n", "{calls} {0} {{braces}}", "%s %(name)s", "$(id) `id`", "__import__('os')",
    "line\u2028and\u2029paragraph", "\u202eright to left", "é ü 猫 🦔", "\x1b[31mred", "a/b?c=d&e#f%2Fg",
)  # fmt: skip


async def look_up(konnect: Konnect, plane: str, name: str, found: dict[str, str | None]) -> None:
    found[name] = (await konnect.consumers.get_by_name(name, control_plane_id=plane)).username


async def test_names_arrive_as_they_are_one_by_one_and_all_in_one_block(code_mode: Process) -> None:
    served = code_mode.open(planes=1, consumers=NAMES)
    plane = served.world.control_planes[0].id
    async with served.client() as konnect:
        alone: dict[str, str | None] = {}
        for name in NAMES:
            await look_up(konnect, plane, name, alone)
        before = served.round_trips["execute"]
        together: dict[str, str | None] = {}
        async with anyio.create_task_group() as asking:
            for name in NAMES:
                asking.start_soon(look_up, konnect, plane, name, together)
    assert alone == together == {name: name for name in NAMES}
    assert served.round_trips["execute"] - before == 1
    assert {operation for operation, _ in served.operations} == {"get_consumer"}


@pytest.mark.parametrize("name", NAMES)
async def test_an_id_that_is_code_is_just_not_found(code_mode: Process, name: str) -> None:
    served = code_mode.open(planes=1)
    async with served.client() as konnect:
        with pytest.raises(NotFound, match="no control plane has the id"):
            await konnect.services.list(name)
    assert [call["path"] for _, call in served.operations] == [{"controlPlaneId": name.strip()}]


async def test_a_name_that_would_leave_its_place_in_the_path_is_refused_by_the_server(
    code_mode: Process,
) -> None:
    served = code_mode.open(planes=1)
    plane = served.world.control_planes[0].id
    async with served.client() as konnect:
        with pytest.raises(ToolError, match="dot segments"):
            await konnect.services.get_by_name("../routes", control_plane_id=plane)
    assert served.operations == []
