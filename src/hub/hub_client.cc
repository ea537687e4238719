// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_client.h"

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <ctime>
#include <mutex>
#include <utility>

#include "base/random_word.h"
#include "config/model_location.h"
#include "hub/url.h"

namespace nestvec {
namespace {

constexpr std::size_t kMaxMetadataBytes = 32u << 20;
// A transfer that brought this much was no failure in a row.
constexpr std::uint64_t kProgressBytes = 64u << 10;

HttpOptions http_options(const PullOptions& options, std::stop_token stop) {
  HttpOptions http;
  http.token = options.token;
  http.token_origin = url_origin(options.endpoint);
  http.ca_file = options.ca_file;
  http.stall_timeout = options.stall_timeout;
  http.stop = std::move(stop);
  return http;
}

bool is_success(const HubResponse& response) {
  return response.complete() && response.status >= 200 && response.status < 300;
}

std::string seconds_text(std::chrono::milliseconds delay) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.1f s", static_cast<double>(delay.count()) / 1000);
  return text.data();
}

std::string reason(const HubResponse& response) {
  if (!response.complete()) return response.failure;
  return "HTTP " + std::to_string(response.status);
}

// False when it was stopped meanwhile.
bool sleep_for(std::chrono::milliseconds delay, const std::stop_token& stop) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any condition;
  return !condition.wait_for(lock, stop, delay, [&] { return stop.stop_requested(); });
}

}  // namespace

HubClient::HubClient(const PullOptions& options, PullProgress& progress, std::stop_token stop)
    : options_(options),
      progress_(progress),
      stop_(stop),
      http_(http_options(options, std::move(stop))),
      random_(random_word()) {}

HubSubject HubClient::subject(const std::string& file) const {
  return {.endpoint = options_.endpoint,
          .repo = options_.repo,
          .revision = options_.revision,
          .file = file,
          .has_token = !options_.token.empty()};
}

void HubClient::wait_or_throw(const HubResponse& response, const HubSubject& subject,
                              std::size_t failures) {
  if (!is_transient(response) || failures >= options_.retry.attempts) {
    throw hub_error(response, subject);
  }
  std::chrono::milliseconds delay = backoff_delay(options_.retry, failures, random_);
  const std::optional<std::chrono::seconds> asked =
      parse_retry_after(response.retry_after, std::time(nullptr));
  if (asked && *asked > options_.retry.longest_retry_after) throw hub_error(response, subject);
  if (asked) delay = std::max<std::chrono::milliseconds>(delay, *asked);
  progress_.note((subject.file.empty() ? subject.repo : subject.file) + ": " + reason(response) +
                 "; trying again in " + seconds_text(delay) + " (attempt " +
                 std::to_string(failures + 1) + " of " + std::to_string(options_.retry.attempts) +
                 ")");
  if (!sleep_for(delay, stop_)) throw Error(ErrorCode::kCancelled, "the download was stopped");
}

RepoInfo HubClient::repo_info() {
  const std::string url = repo_info_url(options_.endpoint, options_.repo, options_.revision);
  for (std::size_t failures = 1;; ++failures) {
    std::string body;
    const HttpSink sink{
        .begin = [](const HubResponse&) {},
        .write =
            [&](std::span<const std::byte> bytes) {
              body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
              return body.size() <= kMaxMetadataBytes;
            },
    };
    const HubResponse response = http_.fetch({.url = url}, sink);
    const std::string name = "the list of files of " + options_.repo + " from " + response.host;
    if (response.refused) {
      throw Error(ErrorCode::kResourceExhausted,
                  name + ": over " + std::to_string(kMaxMetadataBytes >> 20) + " MiB");
    }
    if (is_success(response)) {
      RepoInfo info = parse_repo_info(body, name);
      if (is_commit_hash(options_.revision) && info.commit != options_.revision) {
        throw Error(ErrorCode::kDataLoss, name + ": commit " + options_.revision +
                                              " was asked for, " + info.commit + " came");
      }
      return info;
    }
    wait_or_throw(response, subject({}), failures);
  }
}

void HubClient::complete(const std::string& commit, RepoFile& file) {
  const HubRequest request{.url = file_url(options_.endpoint, options_.repo, commit, file.path),
                           .head_only = true};
  const HttpSink sink{.begin = [](const HubResponse&) {},
                      .write = [](std::span<const std::byte>) { return false; }};
  for (std::size_t failures = 1;; ++failures) {
    const HubResponse response = http_.fetch(request, sink);
    if (!is_success(response)) {
      wait_or_throw(response, subject(file.path), failures);
      continue;
    }
    file.sha256 = is_sha256(response.etag) ? response.etag : "";
    file.blob_id = is_sha1(response.etag) ? response.etag : "";
    file.size = response.size.value_or(0);
    if (file.etag().empty() || !response.size) {
      throw Error(ErrorCode::kFailedPrecondition,
                  file.path + ": " + response.host +
                      " tells neither its SHA-256 nor its git hash with its size, so it cannot be "
                      "verified; pull from another hub");
    }
    return;
  }
}

HubResponse HubClient::receive_once(const std::string& commit, const RepoFile& file,
                                    PartialFile& partial) {
  const HubRequest request{.url = file_url(options_.endpoint, options_.repo, commit, file.path),
                           .range_start = partial.size()};
  const auto restart = [&] {
    progress_.advanced(file, -static_cast<std::int64_t>(partial.size()));
    partial.restart();
  };
  bool wanted = true;
  const HttpSink sink{
      .begin =
          [&](const HubResponse& head) {
            const bool other_etag = !head.linked_etag.empty() && head.linked_etag != file.etag();
            const bool other_size = head.linked_size && *head.linked_size != file.size;
            const bool resumed = head.status == 206 && head.has_range;
            if (!resumed || head.range_start == 0) restart();
            wanted = !other_etag && !other_size && (!resumed || head.range_start == partial.size());
          },
      .write =
          [&](std::span<const std::byte> bytes) {
            if (!wanted || !partial.append(bytes)) return false;
            progress_.advanced(file, static_cast<std::int64_t>(bytes.size()));
            return true;
          },
  };
  HubResponse response = http_.fetch(request, sink);
  if (response.complete() && response.status == 416) {
    restart();
    response.failure = "the hub cannot resume it";
  }
  return response;
}

std::string HubClient::receive(const std::string& commit, const RepoFile& file,
                               PartialFile& partial) {
  std::size_t failures = 0;
  std::uint64_t best = partial.size();
  while (!partial.is_whole()) {
    HubResponse response = receive_once(commit, file, partial);
    if (response.refused) {
      if (!response.linked_etag.empty() && response.linked_etag != file.etag()) {
        return response.linked_etag + " (by X-Linked-Etag)";
      }
      return "another size than " + std::to_string(file.size) + " bytes";
    }
    if (partial.is_whole()) break;
    if (is_success(response)) {
      response.failure = "it ended after " + std::to_string(partial.size()) + " of " +
                         std::to_string(file.size) + " bytes";
    }
    if (partial.size() >= best + kProgressBytes) {
      best = partial.size();
      failures = 0;
    }
    wait_or_throw(response, subject(file.path), ++failures);
  }
  return partial.finish_hash();
}

void HubClient::download(const std::string& commit, const RepoFile& file, const HubCache& cache) {
  progress_.started(file);
  const HubLock lock(cache.lock(file), stop_, [&] {
    progress_.note(file.path + ": waiting for another pull that downloads it");
  });
  if (cache.has_blob(file)) {
    progress_.advanced(file, static_cast<std::int64_t>(file.size));
    progress_.finished(file);
    return;
  }
  PartialFile partial(cache.incomplete_blob(file), file);
  progress_.advanced(file, static_cast<std::int64_t>(partial.size()));
  const std::string hash_name = file.sha256.empty() ? "git hash " : "sha256 ";
  for (bool again = false;; again = true) {
    const std::string got = receive(commit, file, partial);
    if (got == file.etag()) break;
    const std::string message = file.path + ": wrong bytes from " + url_host(options_.endpoint) +
                                ": expected " + hash_name + file.etag() + ", got " + got;
    progress_.advanced(file, -static_cast<std::int64_t>(partial.size()));
    if (again) {
      partial.remove();
      throw Error(ErrorCode::kDataLoss,
                  message + "; tried twice, the file was removed; try again later or another hub");
    }
    progress_.note(message + "; downloading it again from the start");
    partial.restart();
  }
  partial.move_to(cache.blob(file));
  progress_.finished(file);
}

}  // namespace nestvec
