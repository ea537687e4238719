// SPDX-License-Identifier: Apache-2.0
// Calls to the server. Addresses are relative, so that the page works behind a path prefix.
import { decodeFloats } from "./vectors.js";

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

  // What the model is: { id, detail, dimensions, sizes, tasks, defaultTask }.
  async model() {
    const info = await this.#call("info");
    const dimensions = info.dimensions ?? 1024;
    const sizes = (info.matryoshka_dimensions ?? []).filter((size) => size < dimensions);
    return {
      id: info.model_id,
      detail: [info.model_dtype, `${dimensions} dimensions`,
        `${info.max_input_length} tokens`].join(" · "),
      dimensions,
      sizes: [...sizes, dimensions].sort((a, b) => a - b),
      tasks: (info.tasks ?? []).map((task) => task.name ?? task),
      defaultTask: info.default_task ?? "",
    };
  }

  // POST /v1/embeddings. Vectors travel as base64, the quick path. Returns the answer with
  // Float32Arrays for embeddings, and `seconds`, the server's own time.
  async embed(request) {
    const body = { ...request, encoding_format: "base64" };
    const started = performance.now();
    const { answer, headers } = await this.#exchange("v1/embeddings", body);
    const milliseconds = Number(headers.get("x-nestvec-total-ms")) || performance.now() - started;
    const data = answer.data.map((entry) => ({ ...entry, embedding: decodeFloats(entry.embedding) }));
    return { ...answer, data, milliseconds };
  }

  async #call(path, body) {
    return (await this.#exchange(path, body)).answer;
  }

  async #exchange(path, body) {
    const headers = {};
    if (this.readKey()) headers.Authorization = `Bearer ${this.readKey()}`;
    if (body) headers["Content-Type"] = "application/json";
    let response;
    try {
      response = await fetch(path, {
        method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body),
      });
    } catch (error) {
      throw new ServerError(`The server does not answer (${error.message}). Is it still running?`, 0);
    }
    const text = await response.text();
    let answer = null;
    try {
      answer = JSON.parse(text);
    } catch {
      // An error of a proxy in between need not be JSON: it is shown as it is.
    }
    if (!response.ok) throw new ServerError(messageOf(answer, text, response), response.status);
    if (answer === null) throw new ServerError(`${path}: the answer is not JSON.`, response.status);
    return { answer, headers: response.headers };
  }
}

function messageOf(answer, text, response) {
  const error = answer?.error;
  const message = error?.message ?? (typeof error === "string" ? error : null) ??
    answer?.message ?? (text.slice(0, 300) || response.statusText);
  const wait = response.headers.get("retry-after");
  return wait ? `${message}\nRetry after ${wait} s.` : message;
}
