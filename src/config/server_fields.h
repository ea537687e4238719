// SPDX-License-Identifier: Apache-2.0
// The keys of `server:`, as part of the table in config/fields.h.
#pragma once

#include <cstdint>
#include <string_view>

#include "config/field.h"
#include "config/request_fields.h"

namespace nestvec {

// Parts of visit_server_fields.
template <typename Section, typename Visitor>
void visit_access_fields(Section& server, Visitor& visit) {
  visit(Field{"server", "api_keys", "api-keys", FieldKind::kSecret,
              "API keys, separated by commas. Without a key here or in a file, no API key is "
              "required."},
        server.api_keys);
  visit(Field{"server", "api_key_file", "api-key-file", FieldKind::kText,
              "File of API keys, one per line: KEY, or NAME: KEY to see the name in the log. `#` "
              "starts a comment. Read again on SIGHUP."},
        server.api_key_file);
  visit(Field{"server", "tls_certificate", "tls-certificate", FieldKind::kText,
              "PEM file with the certificate and its chain; turns on TLS. Read again on SIGHUP."},
        server.tls_certificate);
  visit(Field{"server", "tls_key", "tls-key", FieldKind::kText,
              "PEM file with the certificate's private key. Read again on SIGHUP."},
        server.tls_key);
  visit(Field{"server", "cors_origins", "cors-origins", FieldKind::kText,
              "Origins whose pages may call the server besides its own, separated by commas; `*` "
              "allows all. Without API keys, requests from other pages get status 403."},
        server.cors_origins);
  visit(Field{"server", "hosts", "hosts", FieldKind::kText,
              "Host names, separated by commas, that a server on a loopback address answers "
              "besides localhost, such as the name that a proxy passes on. Requests for other "
              "names get status 403."},
        server.hosts);
  visit(Field{"server", "admin", "admin", FieldKind::kSwitch,
              "Let POST /admin/models load models that are on this machine, and unload them. Needs "
              "an API key."},
        server.admin);
}

template <typename Section, typename Visitor>
void visit_limit_fields(Section& server, Visitor& visit) {
  constexpr std::uint64_t kDay = 86'400;
  constexpr std::uint64_t kMany = 1u << 20;
  const auto count = [&](std::string_view key, std::string_view name, std::string_view help,
                         std::uint64_t least, std::uint64_t most, auto& value) {
    visit(Field{"server", key, name, FieldKind::kCount, help, {}, most, least}, value);
  };
  visit(Field{"server", "max_body", "max-body", FieldKind::kBytes,
              "Largest body of a request, after decompression, such as 32Mi."},
        server.max_body_bytes);
  visit(Field{"server", "request_memory", "request-memory", FieldKind::kBytes,
              "Memory for everything that requests make the server hold: bodies, texts, vectors, "
              "and answers that clients have not read yet. A request that does not fit waits, then "
              "gets status 503 or 429. 0 means what cpu_memory or the cgroup leaves besides the "
              "memory plan, from 64Mi to 1Gi."},
        server.request_memory_bytes);
  count("max_inputs", "max-inputs", "Largest number of texts in one request.", 1, kMany,
        server.max_inputs);
  visit(Field{"server",
              "token_ids",
              "token-ids",
              FieldKind::kChoice,
              "Whether /v1/embeddings and similar routes accept token ids in place of texts. Ids "
              "of a client's own tokenizer, which LangChain sends by default, give meaningless "
              "vectors; accept ids only if they come from this model's tokenizer. TEI's own routes "
              "always accept them.",
              {"refuse", "accept"}},
        server.token_ids);
  count("max_connections", "max-connections", "Largest number of open connections.", 1, kMany,
        server.max_connections);
  count("header_seconds", "header-seconds", "Time in which the head of a request must arrive.", 1,
        kDay, server.header_seconds);
  count("idle_seconds", "idle-seconds",
        "Time after which a connection without a request, or a body without a new byte, is closed.",
        1, kDay, server.idle_seconds);
  count("request_seconds", "request-seconds",
        "Deadline of every request; 0 means that only x-request-timeout-ms sets one.", 0, kDay,
        server.request_seconds);
  count("grace_seconds", "grace-seconds", "Time that running requests get after SIGTERM.", 0, kDay,
        server.grace_seconds);
  count(
      "max_queue_tokens", "max-queue-tokens",
      "Largest number of tokens that wait for the model; requests over it get status 429. A client "
      "may have as many waiting as it leaves free, and bulk calls share three quarters. 0 means "
      "no limit.",
      0, std::uint64_t{1} << 40, server.max_queue_tokens);
  count(
      "max_queue_seconds", "max-queue-seconds",
      "Longest expected wait behind a client's own earlier calls; a request that would wait longer "
      "gets status 429. 0 means no limit.",
      0, kDay, server.max_queue_seconds);
}

template <typename Section, typename Visitor>
void visit_server_fields(Section& server, Visitor& visit) {
  visit(Field{"server", "http", "http", FieldKind::kText,
              "Address for HTTP and gRPC: HOST:PORT, :PORT for every interface, or unix:PATH. Port "
              "0 takes any free one."},
        server.http);
  visit(Field{"server", "grpc", "grpc", FieldKind::kText,
              "A second address in the same form. Both answer HTTP/1, HTTP/2 and gRPC."},
        server.grpc);
  visit_access_fields(server, visit);
  visit_request_fields(server, visit);
  visit_limit_fields(server, visit);
  visit(Field{"server",
              "log_format",
              "log-format",
              FieldKind::kChoice,
              "Format of the log on standard error.",
              {"text", "json"}},
        server.log_format);
  visit(
      Field{"server",
            "log_level",
            "log-level",
            FieldKind::kChoice,
            "Lowest level that is logged. info logs each request; debug also logs probes (/health, "
            "/ready, /metrics) and files of the page.",
            {"debug", "info", "warning", "error"}},
      server.log_level);
  visit(
      Field{"server", "otlp_endpoint", "otlp-endpoint", FieldKind::kText,
            "Address of a collector, http://HOST:PORT, that gets a span for each request (OTLP as "
            "JSON, to the path /v1/traces). If empty, nothing is sent."},
      server.otlp_endpoint);
}

}  // namespace nestvec
