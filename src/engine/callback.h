// SPDX-License-Identifier: Apache-2.0
// What all calls of the engine share: errors that go to a callback, and a wait for one.
#pragma once

#include <chrono>
#include <exception>
#include <future>
#include <memory>
#include <new>
#include <optional>
#include <stop_token>
#include <utility>

#include "base/memory_account.h"
#include "base/out_of_memory.h"
#include "engine/job.h"
#include "nestvec/error.h"

namespace nestvec {

// What a callback may be told instead of an exception, which has nowhere to go. False where it was.
template <typename Done, typename Work>
bool or_error(const Done& done, Work&& work) noexcept {
  try {
    work();
    return true;
  } catch (Error& error) {
    done(std::move(error));
  } catch (const std::bad_alloc&) {
    done(out_of_memory());
  } catch (const std::exception& error) {
    done(made_error([&] { return Error(ErrorCode::kInternal, error.what()); }));
  }
  return false;
}

// Starts work that answers through a callback, and waits. The deadline also ends a wait behind
// others' work. `Options` has `stop` and `deadline`.
template <typename T, typename Options, typename Start>
T wait_for(const Options& options, Start&& start) {
  std::stop_source ours;
  const std::stop_callback forward(options.stop, [&ours] { ours.request_stop(); });
  Options own = options;
  own.stop = ours.get_token();
  const auto promise = std::make_shared<std::promise<Result<T>>>();
  std::future<Result<T>> future = promise->get_future();
  start(own, [promise](Result<T> result) { promise->set_value(std::move(result)); });
  if (options.deadline && future.wait_until(*options.deadline) == std::future_status::timeout) {
    ours.request_stop();
  }
  return future.get().value();
}

// Of an answer that needs no run.
inline MemoryShare memory_for_answer_alone(const QueueOptions& queue, std::size_t bytes) {
  std::optional<MemoryShare> share = MemoryShare::take(queue.memory, bytes);
  if (!share) throw Error(no_memory_for_answer(*queue.memory, bytes, 0));
  return std::move(*share);
}

}  // namespace nestvec
