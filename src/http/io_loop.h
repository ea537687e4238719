// SPDX-License-Identifier: Apache-2.0
// One thread that waits for sockets, and what it serves.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <ctime>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/ids.h"

namespace nestvec {

// Something on a loop that has deadlines: a connection. All calls come on the loop's thread.
class Peer {
 public:
  using Clock = std::chrono::steady_clock;
  virtual ~Peer() = default;
  virtual void on_tick(Clock::time_point now) = 0;   // some times a second
  virtual void on_drain(Clock::time_point now) = 0;  // nothing new is to begin
  virtual void on_stop() = 0;                        // close at once
  virtual void on_grace_over() = 0;                  // what is not answered is refused
  virtual void make_way() = 0;                       // its seat is somebody else's: end soon
};

class IoLoop {
 public:
  using Peers = std::list<std::shared_ptr<Peer>>;

  IoLoop();
  IoLoop(const IoLoop&) = delete;
  IoLoop& operator=(const IoLoop&) = delete;
  ~IoLoop();

  // Throws Error kResourceExhausted where the thread cannot be started.
  void start();
  // Stops every peer, ends the thread and waits for it. Work that is posted later is dropped.
  void stop();

  // Runs `work` on the loop's thread. Safe for concurrent use, also after stop(). Does not block.
  void post(std::function<void()> work);

  // The rest is for the loop's thread, or for one thread before start().
  boost::asio::io_context& context() { return context_; }
  Peers::iterator add(std::shared_ptr<Peer> peer);
  void remove(Peers::iterator peer);
  void drain();
  void end_grace();
  // Called after each failure of something on the loop, until it does not throw: waits again for
  // what is always to be waited for.
  void set_repair(std::function<void()> repair) { repair_ = std::move(repair); }

  // Called with each tick, which come while there are peers.
  void set_on_tick(std::function<void(Peer::Clock::time_point)> on_tick) {
    on_tick_ = std::move(on_tick);
  }

  // Where bytes are read to before somebody keeps them.
  std::span<char> scratch() { return scratch_; }
  std::string_view date();  // of now, as HTTP writes it
  std::string random_id() { return ids_.next(); }

 private:
  void run();
  template <class Call>
  void for_each_peer(Call call);
  void schedule_tick();
  void tick();
  void repair();
  void run_without_timer() noexcept;

  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer timer_;
  bool ticking_ = false;
  bool draining_ = false;
  Peers peers_;
  std::vector<char> scratch_;
  std::time_t date_second_ = 0;
  std::string date_;
  IdMaker ids_;
  std::function<void()> repair_;
  std::function<void(Peer::Clock::time_point)> on_tick_;

  std::mutex mutex_;  // guards stopped_
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace nestvec
