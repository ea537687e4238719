// SPDX-License-Identifier: Apache-2.0
// The threads that parse, tokenise and render; sockets and the model have their own.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/memory_account.h"

namespace nestvec {

// Whose turn it takes, and whether it may keep a thread busy for long.
struct RequestTurn {
  std::uint64_t client = 0;
  bool is_long = false;
};

// Of a body of so many bytes; one that is packed may become very long. A client has one account as
// long as it has requests, so that tells clients apart.
RequestTurn turn_of(const std::shared_ptr<MemoryAccount>& client, std::size_t bytes, bool packed);

// A pool with queues: whole requests, which are short or long, and the rest of those that were
// begun, which is never refused and goes first, so that what was begun is finished. Clients take
// turns in the queue of short ones and in that of long ones, and so do the two queues. With more
// threads than one, one is kept from long requests. Safe for concurrent use.
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
  // A request that has waited for something else, or a message of a stream: it takes its turn and
  // is never refused. Does not block.
  void post(Work work, RequestTurn turn);
  // A new request; false, and nothing is kept, when max_new_requests wait already, or of this
  // client three times as many as there are places left. Does not block.
  bool try_post(Work work, RequestTurn turn = {});

  std::size_t threads() const noexcept { return threads_.size(); }

 private:
  struct Entry {
    Work work;
    bool is_new = false;
    bool is_long = false;
  };

  // Clients in turn, of each what came first.
  class Turns {
   public:
    bool empty() const noexcept { return clients_.empty(); }
    std::size_t new_of(std::uint64_t client) const;
    void add(std::uint64_t client, Entry entry);
    Entry take();  // allocates nothing

   private:
    struct Client {
      std::uint64_t number = 0;
      std::deque<Entry> waiting{};
      std::size_t is_new = 0;
    };

    std::list<Client> clients_;  // with something that waits; the front one is next
    std::unordered_map<std::uint64_t, std::list<Client>::iterator> places_;  // in clients_
  };

  void run();
  void end();
  // These with the lock held.
  bool may_take_long() const { return !long_.empty() && running_long_ < most_long_; }
  bool may_take() const { return !begun_.empty() || !short_.empty() || may_take_long(); }
  bool is_empty() const { return begun_.empty() && short_.empty() && long_.empty(); }
  Entry take();

  const std::size_t max_new_requests_;
  const std::size_t most_long_;  // that run at a time
  std::mutex mutex_;             // guards what follows, but for the threads
  std::condition_variable wake_;
  std::deque<Work> begun_;
  Turns short_;
  Turns long_;
  bool long_is_next_ = false;
  std::size_t running_long_ = 0;
  std::size_t waiting_ = 0;  // new ones
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace nestvec
