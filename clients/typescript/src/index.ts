/**
 * A client of Call Audio: openapi-fetch with the types that are generated from the app's OpenAPI
 * document. A path, its parameters, its body and its responses are all checked by the compiler.
 */
import createClient, { type Client } from "openapi-fetch";

import type { paths } from "./schema.js";

export type * from "./schema.js";

/** The app's address, and a function key or a token of Entra ID. */
export interface Options {
  url: string;
  key?: string;
  token?: string;
}

/** Return a client of the app. */
export function createCallAudioClient({ url, key, token }: Options): Client<paths> {
  const headers: Record<string, string> = {};
  if (key !== undefined) headers["x-functions-key"] = key;
  if (token !== undefined) headers["Authorization"] = `Bearer ${token}`;
  return createClient<paths>({ baseUrl: url, headers });
}
