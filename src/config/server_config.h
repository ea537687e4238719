// SPDX-License-Identifier: Apache-2.0
// The whole of config.yaml: what load_model() reads, and how `nestvec serve` answers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "nestvec/config.h"

namespace nestvec {

// `server:` - how `nestvec serve` answers.
struct ServerOptions {
  std::string http = "127.0.0.1:8080";  // HOST:PORT, or unix:PATH; port 0 = any free one
  std::string grpc;                     // HOST:PORT for gRPC alone; `http` answers it, too
  std::string api_keys;         // separated by commas; empty and no file = nobody is asked for one
  std::string api_key_file;     // one a line, "#" begins a comment; read again on SIGHUP
  std::string tls_certificate;  // PEM files; both or neither; read again on SIGHUP
  std::string tls_key;
  std::string path_prefix;    // put before each path by a proxy; with it or without, it is answered
  bool strict_model = false;  // requests that name another model get 404
  // Texts over the model's limit, where a request does not say: truncate | refuse; and the status
  // of a refusal: dialect | 400 | 413 | 422.
  std::string overlong = "truncate";
  std::string overlong_status = "dialect";
  std::string cors_origins;  // "*", or origins separated by commas; empty = the server's own pages
  std::string hosts;  // names to answer to beside localhost, where `http` is a loopback address
  std::uint64_t max_body_bytes = 32ull << 20;  // of a request
  std::size_t max_inputs = 2048;               // texts of a request
  // accept | refuse: token ids in place of texts, from clients that may have another tokenizer
  std::string token_ids = "refuse";
  // For all that requests make the server hold; 0 = what is left beside the model, within bounds.
  std::uint64_t request_memory_bytes = 0;
  std::size_t max_connections = 16384;
  std::size_t header_seconds = 10;  // until a request's head is there
  std::size_t idle_seconds = 75;    // between requests, and without a byte of a body
  std::size_t request_seconds = 0;  // deadline of every request; 0 = only what the client asks
  std::size_t grace_seconds = 30;   // after SIGTERM, for requests that are being answered
  std::size_t max_queue_tokens = 1u << 22;  // of waiting texts, shared among clients; over it 429
  std::size_t max_queue_seconds = 30;       // wait behind a client's own calls; over it 429
  std::string log_format = "text";          // text | json
  std::string log_level = "info";           // debug | info | warning | error
  std::string otlp_endpoint;  // http://HOST:PORT that takes OpenTelemetry's spans; empty = none
  bool admin = false;         // POST /admin/models loads and unloads models
};

// An item of `models:`.
struct ModelEntry {
  ModelConfig config;                // what the item leaves out is as in the sections above it
  std::vector<std::string> aliases;  // other names that requests may have
};

struct ServerConfig : ModelConfig {
  ServerOptions server;
  std::vector<ModelEntry> models;  // `models:`; empty = the one of the sections
};

}  // namespace nestvec
