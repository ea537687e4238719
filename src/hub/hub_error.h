// SPDX-License-Identifier: Apache-2.0
// What a hub's refusals mean for the person at the keyboard: which of repository, revision and file
// is not there, what to do about a gated or private repository.
#pragma once

#include <string>

#include "hub/http_client.h"
#include "nestvec/error.h"

namespace nestvec {

// What was asked for.
struct HubSubject {
  std::string endpoint;
  std::string repo;
  std::string revision;
  std::string file;  // empty = the list of files
  bool has_token = false;
};

// The error for an answer that is not a success, or for a transfer that broke off. Codes:
// kUnauthenticated (401), kPermissionDenied (403, gated), kNotFound (404), kResourceExhausted
// (429), kUnavailable (5xx, no connection), kUnknown (another status).
Error hub_error(const HubResponse& response, const HubSubject& subject);

// True for answers that a later attempt may better: a broken transfer, 408, 429, 500, 502, 503,
// 504.
bool is_transient(const HubResponse& response);

}  // namespace nestvec
