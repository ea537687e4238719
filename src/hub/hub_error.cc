// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_error.h"

namespace nestvec {
namespace {

std::string status_text(const HubResponse& response) {
  std::string text = " (HTTP " + std::to_string(response.status) + " from " + response.host;
  if (!response.error_message.empty()) text += ": " + response.error_message;
  return text + ")";
}

Error gated(const HubResponse& response, const HubSubject& subject) {
  const std::string page = subject.endpoint + "/" + subject.repo;
  const std::string step =
      subject.has_token
          ? "the account of your token has not been granted access: accept the terms at " + page
          : "accept its terms at " + page + ", then set HF_TOKEN to a token of that account";
  return Error(ErrorCode::kPermissionDenied,
               subject.repo + " is gated" + status_text(response) + "; " + step);
}

Error unauthenticated(const HubResponse& response, const HubSubject& subject) {
  const std::string step =
      subject.has_token
          ? "the token is invalid or may not read it, or the name is wrong: check the name, and "
            "HF_TOKEN or the token file"
          : "the name is wrong, or the repository is private: check the name, or set HF_TOKEN to a "
            "token that may read it";
  return Error(ErrorCode::kUnauthenticated,
               "the hub does not show " + subject.repo + status_text(response) + "; " + step);
}

Error forbidden(const HubResponse& response, const HubSubject& subject) {
  const std::string step = subject.has_token ? "give HF_TOKEN a token that may read it"
                                             : "set HF_TOKEN to a token that may read it";
  return Error(ErrorCode::kPermissionDenied,
               "access to " + subject.repo + " is denied" + status_text(response) + "; " + step);
}

Error not_found(const HubResponse& response, const HubSubject& subject) {
  const std::string at = subject.repo + "@" + subject.revision;
  std::string text;
  if (response.error_code == "RevisionNotFound") {
    text = subject.repo + " has no revision '" + subject.revision +
           "'; name a branch, a tag or a full commit after '@'";
  } else if (response.error_code == "EntryNotFound" || !subject.file.empty()) {
    text = at + " has no file '" + subject.file + "'";
  } else if (response.error_code == "RepoNotFound" || subject.revision == "main") {
    text = "no repository " + subject.repo + " on " + subject.endpoint + "; check the name" +
           (subject.has_token ? "" : ", or set HF_TOKEN if it is private");
  } else {
    text = "no repository " + subject.repo + " on " + subject.endpoint + ", or no revision '" +
           subject.revision + "' of it";
  }
  return Error(ErrorCode::kNotFound, text + status_text(response));
}

}  // namespace

Error hub_error(const HubResponse& response, const HubSubject& subject) {
  const std::string what = subject.file.empty() ? subject.repo : subject.repo + "/" + subject.file;
  if (!response.complete()) {
    return Error(ErrorCode::kUnavailable, what + ": " + response.failure + " (" + response.host +
                                              "); check the network, https_proxy and HF_ENDPOINT");
  }
  if (response.error_code == "GatedRepo") return gated(response, subject);
  switch (response.status) {
    case 401:
      return unauthenticated(response, subject);
    case 403:
      return forbidden(response, subject);
    case 404:
      return not_found(response, subject);
    case 429: {
      const std::string wait =
          response.retry_after.empty() ? "later" : "after Retry-After: " + response.retry_after;
      return Error(ErrorCode::kResourceExhausted,
                   what + ": the hub limits the rate of requests" + status_text(response) +
                       "; start the pull again " + wait +
                       (subject.has_token ? "" : ", or set HF_TOKEN for a higher limit"));
    }
    default:
      break;
  }
  if (response.status >= 500) {
    return Error(ErrorCode::kUnavailable, what + ": the hub failed" + status_text(response) +
                                              "; start the pull again later");
  }
  return Error(ErrorCode::kUnknown, what + ": unexpected answer" + status_text(response) + "; is " +
                                        subject.endpoint + " a Hugging Face hub?");
}

bool is_transient(const HubResponse& response) {
  if (!response.complete()) return response.can_retry;
  switch (response.status) {
    case 408:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
      return true;
    default:
      return false;
  }
}

}  // namespace nestvec
