// SPDX-License-Identifier: Apache-2.0
// The socket and the time of H2Connection; h2_receive.cc has what comes, h2_send.cc what goes.
#include "http/h2_connection.h"

#include <algorithm>
#include <utility>

#include "base/free_buffer.h"
#include "service/request_memory.h"

namespace nestvec {
namespace {

constexpr std::size_t kOutBytes = std::size_t{64} << 10;  // that are framed ahead of the socket
// Frames that wait to be sent, over which no more is read that could be answered by another.
constexpr std::size_t kMaxOutbound = 1000;
// So long a drain waits for the word of clients that they know of it.
constexpr std::chrono::seconds kDrainNotice{2};
constexpr std::chrono::seconds kPingTimeout{20};

}  // namespace

H2Connection::H2Connection(std::shared_ptr<IoLoop> loop, std::shared_ptr<HttpShared> shared,
                           NewConnection accepted)
    : loop_(std::move(loop)),
      shared_(std::move(shared)),
      transport_(std::move(accepted.transport)),
      seat_(std::move(accepted.seat)),
      unfinished_(std::move(accepted.unfinished)),
      number_(accepted.number),
      client_(std::move(accepted.client)),
      address_(accepted.address),
      account_(std::move(accepted.account)),
      memory_(std::move(accepted.memory)),
      begun_(Clock::now()),
      last_received_(begun_),
      idle_since_(begun_),
      last_written_(begun_) {}

void H2Connection::read() {
  if (reading_ || waiting_to_read_) return;
  reading_ = true;
  constexpr int kReadsPerTurn = 16;
  int reads = 0;
  while (reads < kReadsPerTurn && read_some()) ++reads;
  reading_ = false;
  flush();
  if (reads < kReadsPerTurn) return;
  // Somebody who sends without a pause lets the others have their turn.
  waiting_to_read_ = true;
  loop_->post([self = shared_from_this()] {
    self->waiting_to_read_ = false;
    self->guard([&] { self->read(); });
  });
}

bool H2Connection::read_some() {
  if (state_ == State::kClosed || peer_ended_) return false;
  // A client that takes nothing is not listened to: each of its frames could ask for another.
  if (state_ == State::kOpen && waiting_to_write_ &&
      nghttp2_session_get_outbound_queue_size(session_.get()) > kMaxOutbound) {
    return false;
  }
  if (dropped_.bytes >= kMostDropped) return false;
  const std::span<char> space = loop_->scratch();
  const IoResult result = transport_->read(space);
  switch (result.status) {
    case IoStatus::kDone: {
      const bool drained = transport_->drained(result.bytes, space.size());
      on_bytes({space.data(), result.bytes});
      if (state_ == State::kClosed || !drained) return true;
      wait_to_read(IoStatus::kWantRead);
      return false;
    }
    case IoStatus::kWantRead:
    case IoStatus::kWantWrite:
      wait_to_read(result.status);
      return false;
    case IoStatus::kEnd:
    case IoStatus::kFailed:
      close();
      return false;
  }
  return false;
}

void H2Connection::wait_to_read(IoStatus want) {
  waiting_to_read_ = true;
  transport_->wait(want, [self = shared_from_this()] {
    self->waiting_to_read_ = false;
    self->guard([&] { self->read(); });
  });
}

void H2Connection::on_bytes(std::string_view bytes) {
  if (state_ != State::kOpen || given_up_) {
    dropped_.bytes += bytes.size();
    if (state_ == State::kLingering) next_step_ = dropped_.deadline();
    return;
  }
  last_received_ = Clock::now();
  receiving_ = true;
  const auto* const data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  const auto used = nghttp2_session_mem_recv(session_.get(), data, bytes.size());
  receiving_ = false;
  if (used < 0 || !rates_.take_bytes(last_received_, bytes.size())) {
    // Too much of something, or no memory; what is only wrong nghttp2 tells the client itself.
    give_up(NGHTTP2_ENHANCE_YOUR_CALM);
  }
}

// Answers that come together leave together.
void H2Connection::schedule_flush() {
  if (flushing_) return;
  flushing_ = true;
  loop_->post([self = shared_from_this()] {
    self->flushing_ = false;
    self->guard([&] { self->flush(); });
  });
}

// Frames what there is room for. False where the session is broken.
bool H2Connection::fill() {
  if (out_at_ > 0) {
    out_.erase(0, out_at_);
    out_at_ = 0;
  }
  while (out_.size() < kOutBytes) {
    const std::uint8_t* piece = nullptr;
    const auto size = nghttp2_session_mem_send(session_.get(), &piece);
    if (size < 0) return false;
    if (size == 0) break;
    out_.append(reinterpret_cast<const char*>(piece), static_cast<std::size_t>(size));
  }
  for (const std::int32_t id : std::exchange(sent_, {})) {
    H2Stream* const stream = find(id);
    if (stream != nullptr && stream->streamed) stream->streamed->on_sent();
  }
  return true;
}

void H2Connection::flush() {
  if (state_ != State::kOpen || reading_ || receiving_ || waiting_to_write_) return;
  const auto self = shared_from_this();
  for (;;) {
    if (!fill()) return close();
    if (out_.empty()) break;
    const IoResult result = transport_->write(std::string_view(out_).substr(out_at_), {});
    switch (result.status) {
      case IoStatus::kDone:
        out_at_ += result.bytes;
        last_written_ = Clock::now();
        break;
      case IoStatus::kWantRead:
      case IoStatus::kWantWrite:
        waiting_to_write_ = true;
        return transport_->wait(result.status, [self] {
          self->waiting_to_write_ = false;
          self->guard([&] {
            self->flush();
            self->read();
          });
        });
      case IoStatus::kEnd:
      case IoStatus::kFailed:
        return close();
    }
  }
  if (out_.capacity() > kOutBytes / 4) free_buffer(out_);  // nothing is held between requests
  dispatch_waiting();
  if (nghttp2_session_want_read(session_.get()) == 0 &&
      nghttp2_session_want_write(session_.get()) == 0) {
    linger();
  }
}

// Tells the client why, as soon as it takes that, and no more is done for it.
void H2Connection::give_up(std::uint32_t error_code) {
  if (state_ != State::kOpen || std::exchange(given_up_, true)) return;
  nghttp2_session_terminate_session(session_.get(), error_code);
  schedule_flush();
}

// As HttpConnection::linger().
void H2Connection::linger() {
  if (state_ != State::kOpen) return;
  state_ = State::kLingering;
  for (auto& [id, stream] : streams_) finish(stream);
  streams_.clear();
  unfinished_.release();
  note_use(Clock::now());
  dropped_.start = Clock::now();
  next_step_ = dropped_.deadline();
  transport_->shutdown_write();
  read();
}

void H2Connection::close() noexcept {
  if (state_ == State::kClosed) return;
  const auto self = shared_from_this();
  state_ = State::kClosed;
  for (auto& [id, stream] : streams_) finish(stream);
  streams_.clear();
  transport_->close();
  unfinished_.release();
  seat_.release();
  loop_->remove(entry_);
}

// A client that has sent a request meanwhile is told that it was not taken.
void H2Connection::make_way() {
  if (state_ == State::kOpen && !given_up_) {
    guard([&] {
      nghttp2_session_terminate_session(session_.get(), NGHTTP2_NO_ERROR);
      flush();
    });
  }
  close();
}

void H2Connection::on_drain(Clock::time_point now) {
  if (drain_ != Drain::kNo) return;
  drain_ = Drain::kGrace;
  next_step_ = now + kDrainGrace;
}

void H2Connection::on_grace_over() {
  if (state_ != State::kOpen || given_up_) return;
  guard([&] {
    if (std::exchange(drain_, Drain::kLast) != Drain::kLast) {
      nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE,
                            nghttp2_session_get_last_proc_stream_id(session_.get()),
                            NGHTTP2_NO_ERROR, nullptr, 0);
    }
    for (auto& [id, stream] : streams_) cut(stream);
    schedule_flush();
  });
}

// First the word that no more is taken, then, when the client has it, the number of the last stream
// that is: nothing that it sends in between is lost.
void H2Connection::go_on_draining(Clock::time_point now) {
  switch (drain_) {
    case Drain::kNo:
      return;
    case Drain::kGrace:
      if (now < next_step_) return;
      drain_ = Drain::kNoticed;
      nghttp2_submit_shutdown_notice(session_.get());
      break;
    case Drain::kNoticed:  // not at once with it: nghttp2 would send the ping first
      drain_ = Drain::kPinged;
      next_step_ = now + kDrainNotice;
      ping(now);
      break;
    case Drain::kPinged:
      if (pinged_ && now < next_step_) return;
      drain_ = Drain::kLast;
      nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE,
                            nghttp2_session_get_last_proc_stream_id(session_.get()),
                            NGHTTP2_NO_ERROR, nullptr, 0);
      break;
    case Drain::kLast:
      if (!streams_.empty()) return;
      nghttp2_session_terminate_session(session_.get(), NGHTTP2_NO_ERROR);
      break;
  }
  schedule_flush();
}

void H2Connection::ping(Clock::time_point now) {
  pinged_ = true;
  pinged_at_ = now;
  nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, nullptr);
}

// Whether the stream has to go.
bool H2Connection::is_late(H2Stream& stream, Clock::time_point now) {
  if (stream.streamed) stream.streamed->on_tick(now);
  if (stream.awaited_memory) {
    check_memory(stream, now);
    return false;
  }
  std::optional<StreamedRequest::Upload> upload;
  if (stream.streamed) {
    upload = stream.streamed->upload();
  } else if (!stream.body_ended && !stream.drops_body) {
    upload = {stream.begun, static_cast<std::size_t>(stream.body_bytes)};
  }
  const auto too_slow = [&](const Transfer& transfer) {
    return now >= transfer_deadline(*shared_, transfer);
  };
  if (!stream.body_ended && upload &&
      too_slow({upload->begun, stream.last_body, upload->bytes, stream.buffered(),
                stream.request->account})) {
    if (stream.streamed) return true;
    refuse(stream, fault_response({408, "the request took too long to arrive"}));
    return false;
  }
  return stream.unsent() > 0 && too_slow({stream.out_since, stream.out_last, stream.out_sent,
                                          stream.out.capacity(), stream.request->account});
}

void H2Connection::check_streams(Clock::time_point now) {
  std::vector<std::int32_t> late;
  for (auto& [id, stream] : streams_) {
    if (stream.answered) {
      // What is left of the request is of no use any more (RFC 9113, 8.1). Clients that are told so
      // at once may lose the answer (curl 7.88), and most end the stream themselves.
      if (!stream.body_ended && now >= *stream.answered + kLinger) {
        nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR);
        schedule_flush();
      }
    } else if (is_late(stream, now)) {
      late.push_back(id);
    }
  }
  for (const std::int32_t id : late) reset(id, NGHTTP2_CANCEL);
  if (!late.empty()) schedule_flush();
}

void H2Connection::become_idle() {
  idle_since_ = Clock::now();
  note_use(idle_since_);
}

void H2Connection::note_use(Clock::time_point now) {
  using Use = ConnectionSeats::Use;
  const auto is_worked_on = [](const auto& entry) {
    const H2Stream& stream = entry.second;
    return stream.answering || (stream.streamed && stream.streamed->is_working());
  };
  seat_.use(streams_.empty()                              ? Use::kIdle
            : std::ranges::any_of(streams_, is_worked_on) ? Use::kWorking
                                                          : Use::kAwaited,
            now);
}

void H2Connection::check_peer(Clock::time_point now) {
  const ServerOptions& options = shared_->options;
  const std::chrono::seconds idle(options.idle_seconds);
  const std::chrono::seconds head(options.header_seconds);
  if (waiting_to_write_ && (now >= last_written_ + idle || transport_->peer_closed())) {
    return close();
  }
  if (!acknowledged_ && now >= begun_ + head) return give_up(NGHTTP2_SETTINGS_TIMEOUT);
  if (in_head_ && now >= head_begun_ + head) return give_up(NGHTTP2_ENHANCE_YOUR_CALM);
  if (pinged_ && drain_ == Drain::kNo && now >= pinged_at_ + kPingTimeout) return close();
  if (streams_.empty()) {
    if (now >= idle_since_ + idle) give_up(NGHTTP2_NO_ERROR);
    return;
  }
  // A client with requests may wait for long, but must still be there.
  if (pinged_ || now < last_received_ + idle) return;
  ping(now);
  schedule_flush();
}

void H2Connection::on_tick(Clock::time_point now) {
  if (state_ == State::kLingering && now >= next_step_) return close();
  if (state_ != State::kOpen) return;
  guard([&] {
    if (lost_->exchange(0) != 0) return give_up(NGHTTP2_INTERNAL_ERROR);
    check_streams(now);
    note_use(now);
    grant_all();
    go_on_draining(now);
    if (state_ == State::kOpen) check_peer(now);
  });
}

}  // namespace nestvec
