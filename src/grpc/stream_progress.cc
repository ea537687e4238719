// SPDX-License-Identifier: Apache-2.0
#include "grpc/stream_progress.h"

#include <string>
#include <utility>

namespace nestvec {

std::optional<std::uint64_t> StreamProgress::opened(std::size_t bytes) {
  reading_ = false;
  if (faulty_ || failed_ || finished_) return std::nullopt;
  open_.push_back({.bytes = bytes, .answered = false, .error = std::nullopt});
  bytes_ += bytes;
  ++unanswered_;
  ++on_the_way_;
  return first_ + open_.size() - 1;
}

void StreamProgress::handed_over() { --on_the_way_; }

void StreamProgress::ended() {
  reading_ = false;
  ended_ = true;
}

void StreamProgress::answered(std::uint64_t number, std::optional<Error> error) {
  Message& message = open_[number - first_];
  message.answered = true;
  message.error = std::move(error);
  faulty_ = faulty_ || message.error.has_value();
  --unanswered_;
  look_at_front();
}

void StreamProgress::look_at_front() {
  if (failed_ || open_.empty() || !open_.front().error) return;
  failed_ = true;
  const Error& fault = *open_.front().error;
  error_.emplace(fault.code(),
                 "message " + std::to_string(first_) + " of the stream: " + fault.what(),
                 fault.detail());
}

void StreamProgress::written() {
  for (; writing_ > 0; --writing_) {
    bytes_ -= open_.front().bytes;
    open_.pop_front();
    ++first_;
  }
  look_at_front();
}

void StreamProgress::drain() { draining_ = true; }

void StreamProgress::abandon() {
  if (!failed_) error_.emplace(ErrorCode::kCancelled, "the client has ended the call");
  failed_ = true;
}

bool StreamProgress::may_read() const {
  if (reading_ || ended_ || draining_ || faulty_ || failed_ || finished_) return false;
  if (on_the_way_ >= limits_.hand_overs) return false;
  return open_.empty() || (open_.size() < limits_.messages && bytes_ < limits_.bytes);
}

bool StreamProgress::take_read() {
  if (!may_read()) return false;
  reading_ = true;
  return true;
}

std::size_t StreamProgress::take_write() {
  if (writing_ > 0 || failed_) return 0;
  std::size_t bytes = 0;
  for (const Message& message : open_) {
    if (!message.answered || message.error) break;
    bytes += message.bytes;
    if (writing_ > 0 && bytes > limits_.write_bytes) break;
    ++writing_;
  }
  return writing_;
}

bool StreamProgress::take_stop() {
  if (!failed_ || stopped_) return false;
  stopped_ = true;
  return true;
}

bool StreamProgress::over() const {
  if (finished_ || writing_ > 0 || unanswered_ > 0 || on_the_way_ > 0) return false;
  return failed_ || (open_.empty() && (ended_ || draining_));
}

bool StreamProgress::take_finish() {
  if (!over()) return false;
  finished_ = true;
  if (!failed_ && !ended_) {
    error_.emplace(ErrorCode::kUnavailable, "the server is shutting down; " +
                                                std::to_string(first_) +
                                                " messages were read and answered");
  }
  return true;
}

}  // namespace nestvec
