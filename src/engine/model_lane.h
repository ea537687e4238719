// SPDX-License-Identifier: Apache-2.0
// A model's place in the scheduler that it shares with others, for as long as the model lives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "engine/scheduler.h"

namespace nestvec {

// Safe for concurrent use, but for its end, which waits for the model's calls.
class ModelLane {
 public:
  ModelLane(std::shared_ptr<Scheduler> scheduler, std::unique_ptr<Session> session,
            const Scheduler::Options& options)
      : width_(session->width()),
        scheduler_(std::move(scheduler)),
        lane_(scheduler_->add_lane(std::move(session), options)) {}
  ModelLane(const ModelLane&) = delete;
  ModelLane& operator=(const ModelLane&) = delete;
  ~ModelLane() { scheduler_->remove_lane(lane_); }

  std::size_t width() const noexcept { return width_; }

  // As the scheduler's.
  void submit(Job job) {
    job.lane = lane_;
    scheduler_->submit(std::move(job));
  }
  void shut_down() { scheduler_->shut_down(lane_); }
  QueueStatus status(std::uint64_t client = 0) const { return scheduler_->status(client, lane_); }
  void observe(BatchObserver observer) { scheduler_->observe(std::move(observer), lane_); }

 private:
  const std::size_t width_;
  const std::shared_ptr<Scheduler> scheduler_;
  const LaneId lane_;
};

}  // namespace nestvec
