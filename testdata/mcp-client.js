// A client of secrets mcp, by the SDK for TypeScript. The arguments are the
// server's command line; standard input has the calls to make. It prints the
// tools and the answers. callTool throws where a result does not fit the output
// schema of its tool.
const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
const { StdioClientTransport } = require("@modelcontextprotocol/sdk/client/stdio.js");

async function main() {
	const calls = JSON.parse(require("fs").readFileSync(0));
	const [command, ...args] = process.argv.slice(2);
	const transport = new StdioClientTransport({ command, args, env: process.env, stderr: "inherit" });
	const client = new Client({ name: "another client", version: "1" });
	await client.connect(transport);
	const { tools } = await client.listTools();
	const answers = [];
	for (const call of calls) {
		const result = await client.callTool(call);
		answers.push({ Name: call.name, Text: result.content[0].text, Failed: result.isError === true });
	}
	await client.close();
	console.log(JSON.stringify({ Tools: tools.map((tool) => tool.name), Answers: answers }));
}

main().catch((error) => {
	console.error(error);
	process.exit(1);
});
