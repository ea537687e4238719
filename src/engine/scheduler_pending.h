// SPDX-License-Identifier: Apache-2.0
// A job between submit() and its end; private to the scheduler.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <utility>

#include "engine/scheduler.h"

namespace nestvec {

// Rows of a sequence exist from the end of its batch on, and its tokens until then.
struct Scheduler::Pending {
  std::uint64_t id = 0;
  Job job;
  JobOutput output;
  std::size_t unfinished = 0;                   // sequences
  std::array<std::size_t, kLevels> in_batch{};  // sequences of the running batches
  std::size_t output_bytes = 0;                 // of finished sequences
  Clock::time_point queued;
  std::optional<Clock::time_point> started;
  // Last, so that it ends first: its callback may be running.
  std::optional<std::stop_callback<std::function<void()>>> on_stop;

  Pending(Job&& from, Clock::time_point now)
      : job(std::move(from)), unfinished(job.sequences.size()), queued(now) {}
};

// Why a job ends without its rows, if it must. A deadline that has passed is told even where it was
// enforced by a stop.
std::optional<Error> ended_by(const RunControl& control, Scheduler::Clock::time_point now);

}  // namespace nestvec
