// SPDX-License-Identifier: Apache-2.0
// The writing half of HttpConnection.
#include <algorithm>
#include <exception>
#include <utility>

#include "base/free_buffer.h"
#include "http/head_memory.h"
#include "http/http_connection.h"
#include "http/response_head.h"

namespace nestvec {
namespace {

// Up to this size head and body go as one piece: under TLS each piece is a record of its own.
constexpr std::size_t kOnePiece = std::size_t{8} << 10;

}  // namespace

void HttpConnection::answer(std::uint64_t exchange, HttpResponse response) {
  if (exchange != exchange_ || state_ != State::kAnswering) return;
  const bool more_waits = !input_.empty();
  guard([&] {
    if (response.no_memory) return send_no_memory();
    send(std::move(response), !keep_alive_ || (peer_ended_ && !more_waits));
  });
}

void HttpConnection::refuse(const HttpFault& fault) {
  received_ = Clock::now();
  record_.time = std::chrono::system_clock::now();
  record_.id = loop_->random_id();
  record_.method = record_.path = "-";
  record_.routine = false;
  record_.bytes_in = parser_ ? parser_->body_bytes() : 0;
  http10_ = head_only_ = false;
  parser_.reset();
  send(fault_response(fault), true);
}

// The body is longer than any may be; the head may have been enough to say so.
void HttpConnection::refuse_body() {
  const HttpFault fault = parser_->fault();
  HttpRequest& head = parser_->request();
  if (state_ != State::kBody) begin(head);
  end_early(refuse_fault(*shared_, head, fault));
}

void HttpConnection::send(HttpResponse response, bool close_after) {
  // What the reserve pays for is not kept for longer than a request.
  close_after_ = close_after || leave_by_ || shared_->draining || memory_.account() != account_;
  out_head_ = response_head(
      response,
      {.http10 = http10_, .close = close_after_, .date = loop_->date(), .request_id = record_.id});
  record_.status = response.status;
  record_.tokens = token_count(response);
  if (!head_only_ && status_has_body(response.status)) {
    out_body_ = std::move(response.body);
    out_memory_ = std::move(response.memory);
  }
  if (out_body_.size() <= kOnePiece) {
    out_head_ += out_body_;
    out_body_.clear();
  }
  begin_transfer(out_body_.capacity());
  enter(State::kWriting);
  write();
}

// Nothing of it is made, and it is the last of its connection.
void HttpConnection::send_no_memory() {
  constexpr int kUnavailable = 503;
  out_head_.clear();
  out_body_.clear();
  awaited_memory_.reset();
  out_fixed_ = no_memory_bytes(head_only_);
  record_.status = kUnavailable;
  close_after_ = true;
  begin_transfer(out_body_.capacity());
  enter(State::kWriting);
  write();
}

// There was no memory for the step that was to be made.
void HttpConnection::give_up() noexcept {
  reading_ = false;
  try {
    switch (state_) {
      case State::kIdle:  // maybe with the first bytes of a request
      case State::kHead:
      case State::kBody:
      case State::kAnswering:
        return send_no_memory();
      case State::kWriting:
        if (written_ == 0 && out_fixed_.empty()) return send_no_memory();
        break;
      case State::kHandshake:
      case State::kLingering:
      case State::kClosed:
        break;
    }
  } catch (...) {
    // Nor for that one: then there is none.
  }
  close();
}

void HttpConnection::write() {
  if (state_ != State::kWriting) return;
  const std::string_view first = out_fixed_.empty() ? std::string_view(out_head_) : out_fixed_;
  while (written_ < first.size() + out_body_.size()) {
    const std::string_view head = first.substr(std::min(written_, first.size()));
    const std::size_t body_written = written_ - (first.size() - head.size());
    const IoResult result =
        transport_->write(head, std::string_view(out_body_).substr(body_written));
    switch (result.status) {
      case IoStatus::kDone:
        written_ += result.bytes;
        break;
      case IoStatus::kWantRead:
      case IoStatus::kWantWrite:
        note_transfer(written_, out_body_.capacity());
        seat_.use(ConnectionSeats::Use::kAwaited, Clock::now());
        return transport_->wait(
            result.status, [self = shared_from_this()] { self->guard([&] { self->write(); }); });
      case IoStatus::kEnd:
      case IoStatus::kFailed:
        return close();
    }
  }
  on_written();
}

void HttpConnection::on_written() {
  finish_exchange();
  if (close_after_) return linger();
  await_request();
  if (!input_.empty()) use(std::exchange(input_, {}));
  if (peer_ended_ && state_ != State::kAnswering && state_ != State::kWriting) return close();
  read();
}

void HttpConnection::tell_log() noexcept {
  record_.bytes_out = written_;
  record_.milliseconds =
      std::chrono::duration<double, std::milli>(Clock::now() - received_).count();
  try {
    record_.client = client_;
    shared_->access_log(record_);
  } catch (const std::exception&) {
    // No memory for the line.
  }
}

// Tells the log, and lets go of what the request held.
void HttpConnection::finish_exchange() {
  if (shared_->access_log) tell_log();
  record_ = AccessRecord();
  written_ = 0;
  stop_.reset();
  free_buffer(out_head_);
  free_buffer(out_body_);
  out_memory_.reset();
  transfer_.account.reset();
  out_fixed_ = {};
}

// A socket that is closed with unread bytes resets the connection, and the client may lose the
// answer. So only the writing side ends here, and what still comes is read and dropped for a while,
// up to kMostDropped: whoever sends more is stopped by its own full buffers, and may read.
void HttpConnection::linger() {
  unfinished_.release();
  free_buffer(input_);
  enter(State::kLingering);
  dropped_.start = Clock::now();
  deadline_ = dropped_.deadline();
  transport_->shutdown_write();
  if (peer_ended_) return close();
  read();
}

void HttpConnection::close() {
  if (state_ == State::kClosed) return;
  const bool was_answering = state_ == State::kAnswering || state_ == State::kWriting;
  state_ = State::kClosed;
  if (stop_) stop_->request_stop();
  if (was_answering) {
    constexpr int kClientClosedRequest = 499;
    if (record_.status == 0) record_.status = kClientClosedRequest;
    finish_exchange();
  }
  if (transport_) transport_->close();
  unfinished_.release();
  seat_.release();
  loop_->remove(entry_);
}

}  // namespace nestvec
