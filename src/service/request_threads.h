// SPDX-License-Identifier: Apache-2.0
// The threads that parse, tokenise and render; sockets and the model have their own.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace nestvec {

// A pool with two queues: requests that have just come, of which there may be a limited number, and
// the rest of requests that were begun, which is never refused and goes first, so that what was
// begun is finished. Safe for concurrent use.
class RequestThreads {
 public:
  using Work = std::function<void()>;  // must not throw

  // At least one. Throws Error kResourceExhausted where one of them cannot be started.
  explicit RequestThreads(std::size_t threads, std::size_t max_new_requests = 4096);
  RequestThreads(const RequestThreads&) = delete;
  RequestThreads& operator=(const RequestThreads&) = delete;
  // Does what is queued, then ends the threads.
  ~RequestThreads();

  // The rest of a request that was begun (Service::post). Does not block.
  void post(Work work);
  // A new request; false, and nothing is kept, when max_new_requests wait already. Does not block.
  bool try_post(Work work);

  std::size_t threads() const noexcept { return threads_.size(); }

 private:
  void run();
  void end();

  const std::size_t max_new_requests_;
  std::mutex mutex_;  // guards the queues and stopping_
  std::condition_variable wake_;
  std::deque<Work> begun_;
  std::deque<Work> new_requests_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace nestvec
