// SPDX-License-Identifier: Apache-2.0
// The threads that parse, tokenise and render; sockets and the model have their own.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

namespace nestvec {

// A pool with two queues: requests that have just come, of which there may be a limited number and
// whose clients take turns, and the rest of requests that were begun, which is never refused and
// goes first, so that what was begun is finished. Safe for concurrent use.
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
  // A new request of a client; false, and nothing is kept, when max_new_requests wait already, or
  // of this client three times as many as there are places left. Does not block.
  bool try_post(Work work, std::uint64_t client = 0);

  std::size_t threads() const noexcept { return threads_.size(); }

 private:
  // Of a client, in their order.
  struct Requests {
    std::uint64_t client;
    std::deque<Work> waiting;
  };

  void run();
  void end();
  Work take();

  const std::size_t max_new_requests_;
  std::mutex mutex_;  // guards the queues and stopping_
  std::condition_variable wake_;
  std::deque<Work> begun_;
  std::list<Requests> clients_;  // with requests that wait; the front one is next
  std::unordered_map<std::uint64_t, std::list<Requests>::iterator> places_;  // in clients_
  std::size_t waiting_ = 0;                                                  // of all clients
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace nestvec
