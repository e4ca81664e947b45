"""Drives an official Python client: a command in JSON on each line of input, an answer on each of output.

Works with both lines of the package; the newer one negotiates 2026-07-28 by itself.
"""

import asyncio
import json
import sys

import anyio
import mcp

URL, TOKEN = sys.argv[1:3]
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
IS_NEW = hasattr(mcp, "Client")


def told(result):
    """A result of a tool; both lines name its fields differently."""
    fields = result.model_dump(by_alias=True)
    text = fields["content"][0]["text"] if fields["content"] else ""
    return {
        "isError": bool(fields.get("isError")),
        "text": text,
        "structured": fields.get("structuredContent"),
    }


class Driver:
    def __init__(self, client, version):
        self.client = client
        self.version = version

    async def do(self, command):
        op = command["op"]
        client = self.client
        if op == "version":
            return {"version": self.version}
        if op == "tools":
            tools = (await client.list_tools()).tools
            return {"tools": [tool.name for tool in tools]}
        if op == "call":
            return told(await client.call_tool(command["tool"], command["arguments"]))
        if op == "read":
            read = await client.read_resource(command["uri"])
            return {"text": read.contents[0].text}
        if op == "prompt":
            prompt = await client.get_prompt(command["name"], command["arguments"])
            return {"text": prompt.messages[0].content.text}
        if op == "progress":
            notes = []

            async def note(progress, total, message):
                notes.append(message)

            result = await client.call_tool(
                command["tool"], command["arguments"], progress_callback=note
            )
            return {"progress": len(notes), **told(result)}
        if op == "cancel":
            with anyio.move_on_after(1) as scope:
                await client.call_tool(command["tool"], command["arguments"])
            return {"cancelled": scope.cancelled_caught}
        if op == "listen":
            return await self.listen(command)
        raise ValueError(op)

    async def listen(self, command):
        """Says so when it listens, and returns with the first change."""
        try:
            async with self.client.listen(resource_subscriptions=[command["uri"]]) as changes:
                say({"listening": True})
                async for change in changes:
                    return {"changed": str(getattr(change, "uri", change))}
        except AttributeError:
            return {"unsupported": True}
        return {"ended": True}


def say(answer):
    print(json.dumps(answer), flush=True)


async def serve(driver):
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        try:
            say(await driver.do(json.loads(line)))
        except Exception as error:  # what a client raises is an answer too
            say({"raised": f"{type(error).__name__}: {error}"})


async def new():
    from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

    async with create_mcp_http_client(headers=HEADERS) as http:
        async with mcp.Client(streamable_http_client(URL, http_client=http)) as client:
            await serve(Driver(client, str(client.protocol_version)))


async def old():
    from mcp.client.streamable_http import streamablehttp_client

    async with streamablehttp_client(URL, headers=HEADERS) as (reading, writing, _):
        async with mcp.ClientSession(reading, writing) as session:
            begun = await session.initialize()
            await serve(Driver(session, str(begun.protocolVersion)))


asyncio.run(new() if IS_NEW else old())
