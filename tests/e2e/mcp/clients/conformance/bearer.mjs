// Gives a token with every request of the suite, which has no place for one.
import http from "node:http";
import { syncBuiltinESMExports } from "node:module";
import { getGlobalDispatcher, setGlobalDispatcher } from "undici";

const value = `Bearer ${process.env.MCP_TOKEN}`;

function add(headers) {
  if (!headers) return { authorization: value };
  if (Array.isArray(headers)) return [...headers, "authorization", value];
  if (typeof headers[Symbol.iterator] === "function") {
    return [...[...headers].flat(), "authorization", value];
  }
  return { ...headers, authorization: value };
}

setGlobalDispatcher(
  getGlobalDispatcher().compose((dispatch) => (options, handler) =>
    dispatch({ ...options, headers: add(options.headers) }, handler),
  ),
);

const request = http.request;
http.request = (...all) => {
  const sent = request(...all);
  sent.setHeader("authorization", value);
  return sent;
};
syncBuiltinESMExports();
