// SPDX-License-Identifier: Apache-2.0
#include "http/io_loop.h"

#include <boost/asio/post.hpp>
#include <exception>
#include <utility>

#include "base/start_thread.h"
#include "base/thread_signals.h"
#include "http/response_head.h"

namespace nestvec {
namespace {

constexpr std::size_t kScratchBytes = std::size_t{64} << 10;
// How late a deadline may be noticed. One timer for all connections: they cost nothing in between.
constexpr std::chrono::milliseconds kTick{250};
constexpr std::chrono::milliseconds kDrainingTick{25};

}  // namespace

IoLoop::IoLoop()
    : work_(boost::asio::make_work_guard(context_)), timer_(context_), scratch_(kScratchBytes) {}

IoLoop::~IoLoop() { stop(); }

template <class Call>
void IoLoop::for_each_peer(Call call) {
  for (auto next = peers_.begin(); next != peers_.end();) {
    const std::shared_ptr<Peer> peer = *next++;  // a peer may remove itself, and only itself
    call(*peer);
  }
}

void IoLoop::start() {
  thread_ = start_thread("a thread for connections", [this] { run(); });
}

void IoLoop::run() {
  block_signals_in_this_thread();
  for (bool whole = true;;) {
    try {
      if (!whole) repair();
      whole = true;
      context_.run();
      return;
    } catch (const std::exception&) {
      // No memory or no descriptor for one connection: its deadline ends it, the others go on.
      whole = false;
      run_without_timer();
    }
  }
}

// Waits again for what is always to be waited for.
void IoLoop::repair() {
  if (!ticking_ && !peers_.empty()) schedule_tick();
  if (repair_) repair_();
}

void IoLoop::run_without_timer() noexcept {
  constexpr std::chrono::milliseconds kMoment{10};
  try {
    context_.run_for(kMoment);
    const auto now = Peer::Clock::now();
    for_each_peer([now](Peer& peer) { peer.on_tick(now); });
  } catch (const std::exception&) {
    // Soon again.
  }
}

void IoLoop::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(stopped_, true)) return;
    boost::asio::post(context_, [this] {
      for_each_peer([](Peer& peer) { peer.on_stop(); });
      timer_.cancel();
      work_.reset();
    });
  }
  if (thread_.joinable()) thread_.join();
}

void IoLoop::post(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  if (!stopped_) boost::asio::post(context_, std::move(work));
}

IoLoop::Peers::iterator IoLoop::add(std::shared_ptr<Peer> peer) {
  const auto entry = peers_.insert(peers_.end(), std::move(peer));
  if (!ticking_) schedule_tick();
  return entry;
}

void IoLoop::remove(Peers::iterator peer) { peers_.erase(peer); }

void IoLoop::drain() {
  draining_ = true;
  const auto now = Peer::Clock::now();
  for_each_peer([now](Peer& peer) { peer.on_drain(now); });
  schedule_tick();
}

void IoLoop::end_grace() {
  for_each_peer([](Peer& peer) { peer.on_grace_over(); });
}

void IoLoop::schedule_tick() {
  ticking_ = false;
  timer_.expires_after(draining_ ? kDrainingTick : kTick);
  timer_.async_wait([this](const boost::system::error_code& failed) {
    if (!failed) tick();
  });
  ticking_ = true;
}

void IoLoop::tick() {
  ticking_ = false;
  const auto now = Peer::Clock::now();
  for_each_peer([now](Peer& peer) { peer.on_tick(now); });
  if (on_tick_) on_tick_(now);
  if (!peers_.empty()) schedule_tick();
}

std::string_view IoLoop::date() {
  const std::time_t now = std::time(nullptr);
  if (now != date_second_) {
    date_second_ = now;
    date_ = http_date(now);
  }
  return date_;
}

}  // namespace nestvec
