// An OpenID provider on a loopback port, and beside it a door through which tests say what its tokens hold:
// node oidc-server.mjs PORT CONTROL_PORT
import { createServer } from "node:http";
import { OAuth2Server } from "oauth2-mock-server";

const [port, control] = process.argv.slice(2).map(Number);
let provider, user = { sub: "alice-1", name: "Alice", groups: ["staff"] };

async function start() {
  provider = new OAuth2Server();
  await provider.issuer.keys.generate("RS256");
  provider.service.on("beforeTokenSigning", token => Object.assign(token.payload, user));
  await provider.start(port, "127.0.0.1");
  provider.issuer.url = `http://127.0.0.1:${port}`;
}

await start();
createServer(async (request, response) => {
  let body = "";
  for await (const part of request) body += part;
  const said = body ? JSON.parse(body) : {};
  let answer = {};
  // A token signed with the provider's key, with these claims in the place of its own.
  if (request.url === "/mint") answer = { token: await provider.issuer.buildToken({ scopesOrTransform: (header, payload) => { Object.assign(payload, said.claims); Object.assign(header, said.header); } }) };
  if (request.url === "/user") user = said;
  // All keys anew: what was signed before does not hold any more.
  if (request.url === "/rotate") {
    await provider.stop();
    await start();
  }
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify(answer));
}).listen(control, "127.0.0.1");
