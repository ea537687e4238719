// SPDX-License-Identifier: Apache-2.0
// POST /admin/models: models come and go while the server answers.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "service/router.h"

namespace nestvec {

// A model to load: {"load": "owner/name", "name": "search", "aliases": ["other"]}.
struct ModelToLoad {
  std::string repo_id;  // or a folder; nothing is downloaded
  std::string name;     // empty = the last part of repo_id
  std::vector<std::string> aliases;
};

// One change after another, on a thread of its own: a load may take minutes. Safe for concurrent
// use.
class ModelAdmin {
 public:
  // Both block, return the id of the model and throw Error, with all as before. They are called by
  // the admin's thread; a load ends early where the stop is requested.
  struct Actions {
    std::function<std::string(const ModelToLoad& model, const std::stop_token& stop)> load;
    std::function<std::string(const std::string& name)> unload;
  };

  explicit ModelAdmin(Actions actions);
  ModelAdmin(const ModelAdmin&) = delete;
  ModelAdmin& operator=(const ModelAdmin&) = delete;
  // Stops the change that runs; those that wait are answered with kUnavailable.
  ~ModelAdmin();

  // Answers POST /admin/models when the change is made. Does not block. Throws RequestError,
  // kResourceExhausted. The admin outlives the exchange.
  void change(Exchange exchange);

  // Changes that wait at most; one more is refused.
  static constexpr std::size_t kMostWaiting = 16;

 private:
  struct Change {
    Exchange exchange;
    std::function<std::string(const std::stop_token& stop)> make;
  };

  void work(const std::stop_token& stop);
  Change change_of(Exchange exchange) const;

  const Actions actions_;
  std::mutex mutex_;  // guards waiting_
  std::condition_variable_any wake_;
  std::deque<Change> waiting_;
  std::stop_source stop_;
  std::thread thread_;  // last: it uses what stands above
};

}  // namespace nestvec
