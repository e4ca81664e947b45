// Drives an official TypeScript client: a command in JSON on each line of input, an answer on each of
// output. `old` is the line 1.x, `new` the newer one as it is by default, `auto` the same negotiating.
import { createInterface } from "node:readline";

const [line, url, token] = process.argv.slice(2);
const info = { name: "driver", version: "1" };
const requestInit = { headers: { Authorization: `Bearer ${token}` } };

async function connect() {
  if (line === "old") {
    const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
    const http = await import("@modelcontextprotocol/sdk/client/streamableHttp.js");
    const client = new Client(info);
    const transport = new http.StreamableHTTPClientTransport(new URL(url), { requestInit });
    await client.connect(transport);
    return { client, version: transport.protocolVersion };
  }
  const { Client, StreamableHTTPClientTransport } = await import("@modelcontextprotocol/client");
  const options = line === "auto" ? { versionNegotiation: { mode: "auto" } } : {};
  const client = new Client(info, options);
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit });
  await client.connect(transport);
  return { client, version: client.getNegotiatedProtocolVersion?.() ?? transport.protocolVersion };
}

const { client, version } = await connect();

const told = (result) => ({
  isError: result.isError === true,
  text: result.content?.[0]?.text ?? "",
  structured: result.structuredContent,
});

const call = (command, options) => {
  const request = { name: command.tool, arguments: command.arguments };
  return line === "old"
    ? client.callTool(request, undefined, options)
    : client.callTool(request, options);
};

async function run(command) {
  switch (command.op) {
    case "version":
      return { version };
    case "tools": {
      const list = await client.listTools();
      return { tools: list.tools.map((tool) => tool.name) };
    }
    case "call":
      return told(await call(command));
    case "read": {
      const read = await client.readResource({ uri: command.uri });
      return { text: read.contents[0].text };
    }
    case "prompt": {
      const prompt = await client.getPrompt({ name: command.name, arguments: command.arguments });
      return { text: prompt.messages[0].content.text };
    }
    case "progress": {
      let progress = 0;
      const result = await call(command, { onprogress: () => (progress += 1) });
      return { progress, ...told(result) };
    }
    case "cancel": {
      const controller = new AbortController();
      setTimeout(() => controller.abort("enough"), 1000);
      try {
        await call(command, { signal: controller.signal });
        return { cancelled: false };
      } catch {
        return { cancelled: controller.signal.aborted };
      }
    }
    case "listen":
      return listen(command);
    default:
      throw new Error(command.op);
  }
}

// Says so when it listens, and returns with the first change.
async function listen(command) {
  if (line !== "auto") return { unsupported: true };
  const changed = new Promise((resolve) =>
    client.setNotificationHandler("notifications/resources/updated", (note) =>
      resolve(note.params.uri),
    ),
  );
  const subscription = await client.listen({ resourceSubscriptions: [command.uri] });
  say({ listening: true });
  const uri = await changed;
  await subscription.close();
  return { changed: uri };
}

const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);

for await (const text of createInterface({ input: process.stdin })) {
  try {
    say(await run(JSON.parse(text)));
  } catch (error) {
    say({ raised: String(error) });
  }
}
process.exit(0);
