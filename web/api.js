// SPDX-License-Identifier: Apache-2.0
// Calls to the server. Addresses are relative, so that the page works behind a path prefix.
import { decodeFloats } from "./vectors.js";

const kPart = 100; // texts of a call, so that a long list shows progress

// What the server said about a request that failed.
export class ServerError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

export class Api {
  constructor(readKey) {
    this.readKey = readKey;
  }

  // What the server has: { names, embedder, reranker, dimensions, sizes, tasks, defaultTask,
  // multilingual, mostInputs }. The names of the first model that embeds and of the first that
  // reranks may be empty; sizes and tasks are those of the first.
  async model() {
    const [{ answer: info }, { answer: listed }] =
      await Promise.all([this.#exchange("info"), this.#exchange("v1/models")]);
    const first = (name) => listed.data.find((each) => each.capabilities.includes(name));
    const embedder = first("embed");
    const reranker = first("rerank");
    const dimensions = embedder?.dimensions ?? 0;
    const sizes = (embedder?.matryoshka_dimensions ?? []).filter((size) => size < dimensions);
    const dtypeOf = (each) => (each.id === info.model_id ? [info.model_dtype] : []);
    const describe = (each, what) =>
      [each.id, ...dtypeOf(each), what, `up to ${each.max_tokens} tokens`].join(" · ");
    return {
      names: [...(embedder ? [describe(embedder, `${dimensions} dimensions`)] : []),
        ...(reranker ? [describe(reranker, "reranker")] : []),
        ...(embedder || reranker ? [] : [info.model_id])],
      embedder: embedder?.id ?? "",
      reranker: reranker?.id ?? "",
      dimensions,
      sizes: [...sizes, dimensions].sort((a, b) => a - b),
      tasks: embedder?.tasks ?? [],
      defaultTask: embedder?.default_task ?? "",
      multilingual: info.multilingual ?? false,
      mostInputs: info.max_client_batch_size ?? kPart,
    };
  }

  // POST /v1/rerank. Returns { results, tokens, cut, milliseconds }.
  async rerank(request, { signal, nameOf }) {
    const started = performance.now();
    const { answer, headers } = await this.#exchange("v1/rerank", request, { signal, nameOf });
    return {
      results: answer.results, tokens: answer.usage.total_tokens,
      cut: answer.truncated?.length ?? 0,
      milliseconds: Number(headers.get("x-nestvec-total-ms")) || performance.now() - started,
    };
  }

  // POST /v1/embeddings, in several calls where there are many inputs. Vectors travel as base64,
  // the quick path. Returns { data, tokens, cut, milliseconds }: Float32Arrays for embeddings, how
  // many texts were cut, the server's own time. Options: `signal` aborts; `nameOf(i)` is what the
  // reader calls input i; `progress(done)` is called after each call but the last.
  async embed(request, { mostInputs = kPart, signal, nameOf, progress }) {
    const total = { data: [], tokens: 0, cut: 0, milliseconds: 0 };
    for (const [first, body] of parts(request, Math.min(kPart, mostInputs))) {
      if (first > 0) progress(first);
      const started = performance.now();
      const { answer, headers } = await this.#exchange("v1/embeddings",
        { ...body, encoding_format: "base64" }, { signal, nameOf: (i) => nameOf(first + i) });
      total.milliseconds +=
        Number(headers.get("x-nestvec-total-ms")) || performance.now() - started;
      total.tokens += answer.usage.total_tokens;
      total.cut += answer.truncated?.length ?? 0;
      total.data.push(...answer.data.map((entry) => ({ ...entry, index: first + entry.index,
        embedding: decodeFloats(entry.embedding) })));
    }
    return total;
  }

  async #exchange(path, body, { signal, nameOf } = {}) {
    const headers = {};
    const key = this.readKey();
    if (/[^!-~]/.test(key)) throw new ServerError(keyMessage(key), 401); // no header can carry it
    if (key) headers.Authorization = `Bearer ${key}`;
    if (body) headers["Content-Type"] = "application/json";
    let response;
    try {
      response = await fetch(path, {
        method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body), signal,
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new ServerError(`The server does not answer (${error.message}). Is it running?`, 0);
    }
    const text = await response.text();
    let answer = null;
    try {
      answer = JSON.parse(text);
    } catch {
      // An error of a proxy in between need not be JSON: it is shown as it is.
    }
    if (response.status === 401) throw new ServerError(keyMessage(key), 401);
    if (!response.ok) {
      throw new ServerError(inWords(messageOf(answer, text, response), nameOf), response.status);
    }
    if (answer === null) throw new ServerError(`${path}: the answer is not JSON.`, response.status);
    return { answer, headers: response.headers };
  }
}

// [index of the first input, body] of calls with at most `most` inputs each. Documents are ranked
// together.
export function parts(request, most) {
  if (request.documents) return [[0, request]];
  const bodies = [];
  for (let first = 0; first < request.input.length; first += most) {
    bodies.push([first, { ...request, input: request.input.slice(first, first + most) }]);
  }
  return bodies;
}

const keyMessage = (key) => (key ? "The server does not accept this API key. Check it above."
  : "This server asks for an API key: enter it above.");

function messageOf(answer, text, response) {
  const error = answer?.error;
  const message = error?.message ?? (typeof error === "string" ? error : null) ??
    answer?.message ?? (text.slice(0, 300) || response.statusText);
  const wait = response.headers.get("retry-after");
  return wait ? `${message}\nTry again in ${wait} s.` : message;
}

// The server counts inputs from 0 and calls them by their place in the request; a reader sees
// "text 3".
function inWords(message, nameOf) {
  if (!nameOf) return message;
  const named = message.replace(/\b(?:input|documents)\[(\d+)\](\.\w+)?/g, (_, index, member) =>
    nameOf(Number(index)) + (member ? `, ${member.slice(1)}` : ""));
  return /^(input|documents)\[/.test(message) ? named.charAt(0).toUpperCase() + named.slice(1) : named;
}
