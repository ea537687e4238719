// SPDX-License-Identifier: Apache-2.0
// What comes to HttpConnection with time: deadlines, and the server's own wish that it ends.
#include <algorithm>
#include <utility>

#include "http/http_connection.h"
#include "service/call_failure.h"

namespace nestvec {
namespace {

Error too_many_connections() {
  return {ErrorCode::kUnavailable,
          "too many connections (server.max_connections), and this client has most of them; send "
          "the body faster, or over fewer connections",
          {.text = {}, .retry_after = std::chrono::seconds(1)}};
}

}  // namespace

void HttpConnection::on_tick(Clock::time_point now) {
  if (state_ == State::kAnswering && *lost_ == exchange_) return guard([&] { send_no_memory(); });
  if (state_ == State::kAnswering && room() == 0 && !end_seen_ && transport_->peer_closed()) {
    on_peer_end();
  }
  if (state_ == State::kAnswering && end_seen_ && transport_->peer_gone()) stop_->request_stop();
  const bool begins = state_ == State::kIdle || state_ == State::kHead || state_ == State::kBody;
  if (leave_by_ && begins && now >= *leave_by_) return make_way();
  if (awaited_memory_) return guard([&] { check_memory(now); });
  check_transfer();
  if (now < deadline_) return;
  if (state_ == State::kHead || state_ == State::kBody) {
    return guard([&] { refuse({408, "the request took too long to arrive"}); });
  }
  close();
}

void HttpConnection::on_drain(Clock::time_point now) {
  if (state_ == State::kIdle || state_ == State::kHandshake) {
    deadline_ = std::min(deadline_, now + kDrainGrace);
  }
}

void HttpConnection::on_grace_over() {
  switch (state_) {
    case State::kHead:
      return guard([&] { refuse({503, shutting_down().what()}); });
    case State::kBody:
      return guard(
          [&] { cut_body(refuse_request(*shared_, parser_->request(), shutting_down())); });
    case State::kAnswering:
      break;
    case State::kHandshake:
    case State::kIdle:
    case State::kWriting:
    case State::kLingering:
    case State::kClosed:
      return;
  }
  std::stop_source work = *stop_;
  guard([&] {
    const Error why = shutting_down();
    const auto request = asked_.lock();
    send(request ? refuse_request(*shared_, *request, why) : fault_response({503, why.what()}),
         true);
  });
  work.request_stop();
}

void HttpConnection::make_way() {
  const bool is_asked_again = leave_by_.has_value();
  leave_by_ = Clock::now() + kDrainGrace;
  switch (state_) {
    case State::kIdle:
      // Its next request may be here already: it is the last then, if it comes at once.
      if (is_asked_again || !transport_->has_input()) close();
      return;
    case State::kBody:
      return guard(
          [&] { cut_body(refuse_request(*shared_, parser_->request(), too_many_connections())); });
    case State::kAnswering:
    case State::kClosed:
      return;
    case State::kHandshake:
    case State::kHead:
    case State::kWriting:
    case State::kLingering:
      return close();
  }
}

void HttpConnection::check_memory(Clock::time_point now) {
  await_memory();
  if (awaited_memory_) {
    if (now >= awaited_memory_->deadline) refuse_for_memory();
    return;
  }
  if (input_.empty() && parser_->expects_continue()) send_continue();
  if (!input_.empty()) use(std::exchange(input_, {}));
  read();
}

void HttpConnection::begin_transfer(std::size_t held) {
  transfer_.start = Clock::now();  // the deadline counts from it
  note_transfer(0, held);
}

void HttpConnection::note_transfer(std::uint64_t bytes, std::size_t held) {
  transfer_.last = Clock::now();
  transfer_.bytes = bytes;
  transfer_.held = held;
  deadline_ = transfer_deadline(*shared_, transfer_);
}

// How much time it has depends on how much memory the others leave.
void HttpConnection::check_transfer() {
  if (state_ != State::kBody && state_ != State::kWriting) return;
  deadline_ = std::min(deadline_, transfer_deadline(*shared_, transfer_));
}

}  // namespace nestvec
