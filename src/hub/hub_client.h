// SPDX-License-Identifier: Apache-2.0
// One worker's conversation with a hub about one revision: its list of files, the hashes of a file,
// its bytes; again and again until they are right or there is no hope.
#pragma once

#include <memory>
#include <random>
#include <stop_token>
#include <string>

#include "hub/http_client.h"
#include "hub/hub_cache.h"
#include "hub/hub_error.h"
#include "hub/partial_file.h"
#include "hub/pull.h"
#include "hub/pull_progress.h"
#include "hub/repo_info.h"

namespace nestvec {

// Not thread-safe; one a thread. Every function blocks and throws Error as pull_model does, and
// kCancelled when `stop` is requested.
class HubClient {
 public:
  HubClient(const PullOptions& options, PullProgress& progress, std::stop_token stop);

  RepoInfo repo_info();
  // Asks for the size and the hash of a file where the list of files did not tell them.
  void complete(const std::string& commit, RepoFile& file);
  // Brings the file's blob into the cache, under its lock.
  void download(const std::string& commit, const RepoFile& file, const HubCache& cache);

 private:
  HubSubject subject(const std::string& file) const;
  // Waits before the next attempt, or throws where there will be none.
  void wait_or_throw(const HubResponse& response, const HubSubject& subject, std::size_t failures);
  // Receives until the file is whole; otherwise says what was wrong with the bytes.
  std::string receive(const std::string& commit, const RepoFile& file, PartialFile& partial);
  HubResponse receive_once(const std::string& commit, const RepoFile& file, PartialFile& partial);

  const PullOptions& options_;
  PullProgress& progress_;
  std::stop_token stop_;
  HttpClient http_;
  std::minstd_rand random_;
};

}  // namespace nestvec
