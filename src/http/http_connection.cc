// SPDX-License-Identifier: Apache-2.0
// The reading half; http_answer.cc has the writing one.
#include "http/http_connection.h"

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

#include "http/content_coding.h"
#include "http/http_reply.h"
#include "nestvec/error.h"
#include "service/call_ids.h"
#include "service/error_style.h"

namespace nestvec {
namespace {

// Requests behind the one that is answered: so many bytes of them are read ahead.
constexpr std::size_t kMaxAhead = std::size_t{16} << 10;
constexpr std::size_t kMaxPreface = std::size_t{16} << 10;  // what a Splice takes at its start
// A drain waits so long for what idle clients may just have sent.
constexpr std::chrono::milliseconds kDrainGrace{250};

// On a request thread: what is left to do before the handler, then the handler.
void handle(const HttpShared& shared, const std::shared_ptr<HttpRequest>& request,
            const std::shared_ptr<HttpReply>& reply, bool decode) {
  try {
    if (const auto coding = request->header("content-encoding"); coding && decode) {
      const auto fault = decode_content(*coding, shared.options.max_body_bytes, request->body,
                                        {.stop = request->stop, .deadline = {}});
      if (fault) return reply->send(fault_response(*fault));
    }
    shared.handler(request, [reply](HttpResponse response) { reply->send(std::move(response)); });
  } catch (const Error& error) {
    reply->send(fault_response({http_status(error), error.what()}));
  } catch (const std::bad_alloc&) {
    reply->send(no_memory_answer());
  } catch (const std::exception&) {
    // Its text may hold anything, so it stays here.
    reply->send(fault_response({500, "an internal error; the request was not answered"}));
  }
}

}  // namespace

HttpConnection::HttpConnection(std::shared_ptr<IoLoop> loop, std::shared_ptr<HttpShared> shared,
                               NewConnection accepted)
    : loop_(std::move(loop)),
      shared_(std::move(shared)),
      transport_(std::move(accepted.transport)),
      slot_(std::move(accepted.slot)),
      unfinished_(std::move(accepted.unfinished)),
      number_(++shared_->last_connection),
      client_(std::move(accepted.client)),
      may_be_http2_(shared_->http2_upstream != nullptr) {}

void HttpConnection::start(const std::shared_ptr<IoLoop>& loop, std::shared_ptr<HttpShared> shared,
                           NewConnection accepted) {
  const auto connection =
      std::make_shared<HttpConnection>(loop, std::move(shared), std::move(accepted));
  connection->entry_ = loop->add(connection);
  connection->await_head();
  connection->state_ = State::kHandshake;
  connection->guard([&] { connection->handshake(); });
}

void HttpConnection::handshake() {
  if (state_ != State::kHandshake) return;
  const IoResult result = transport_->handshake();
  switch (result.status) {
    case IoStatus::kDone:
      await_request();
      return read();
    case IoStatus::kWantRead:
    case IoStatus::kWantWrite:
      return transport_->wait(
          result.status, [self = shared_from_this()] { self->guard([&] { self->handshake(); }); });
    case IoStatus::kEnd:
    case IoStatus::kFailed:
      return close();
  }
}

void HttpConnection::await_request() {
  state_ = State::kIdle;
  deadline_ = Clock::now() + std::chrono::seconds(shared_->options.idle_seconds);
  if (shared_->draining) on_drain(Clock::now());
}

void HttpConnection::await_head() {
  state_ = State::kHead;
  deadline_ = Clock::now() + std::chrono::seconds(shared_->options.header_seconds);
}

void HttpConnection::read() {
  if (reading_ || waiting_to_read_) return;
  reading_ = true;
  constexpr int kReadsPerTurn = 32;
  int reads = 0;
  while (reads < kReadsPerTurn && read_some()) ++reads;
  reading_ = false;
  if (reads < kReadsPerTurn) return;
  // Somebody who sends without a pause lets the others have their turn.
  waiting_to_read_ = true;
  loop_->post([self = shared_from_this()] {
    self->waiting_to_read_ = false;
    self->guard([&] { self->read(); });
  });
}

bool HttpConnection::read_some() {
  if (state_ == State::kClosed || peer_ended_) return false;
  const std::span<char> space = loop_->scratch().first(room());
  if (space.empty()) return false;
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
      on_end();
      return false;
    case IoStatus::kFailed:
      close();
      return false;
  }
  return false;
}

std::size_t HttpConnection::room() const {
  const std::size_t all = loop_->scratch().size();
  if (state_ == State::kAnswering || state_ == State::kWriting) {
    return kMaxAhead - std::min(kMaxAhead, input_.size());
  }
  return may_be_http2_ ? kMaxPreface - input_.size() : all;
}

void HttpConnection::wait_to_read(IoStatus want) {
  waiting_to_read_ = true;
  transport_->wait(want, [self = shared_from_this()] {
    self->waiting_to_read_ = false;
    self->guard([&] { self->read(); });
  });
}

void HttpConnection::on_bytes(std::string_view bytes) {
  if (state_ == State::kLingering) return;
  if (state_ == State::kAnswering || state_ == State::kWriting) {
    input_ += bytes;
  } else if (input_.empty()) {
    keep(bytes.substr(consume(bytes)));
  } else {
    use(std::exchange(input_, {}).append(bytes));
  }
}

// Not a view of input_: what becomes of the connection may clear it.
void HttpConnection::use(const std::string& bytes) {
  keep(std::string_view(bytes).substr(consume(bytes)));
}

void HttpConnection::keep(std::string_view rest) {
  if (state_ != State::kLingering && state_ != State::kClosed) input_ = rest;
}

std::size_t HttpConnection::consume(std::string_view bytes) {
  if (may_be_http2_) {
    if (bytes.starts_with(kHttp2Preface)) return hand_over(bytes);
    if (kHttp2Preface.starts_with(bytes)) {
      if (state_ == State::kIdle) await_head();
      return 0;
    }
    may_be_http2_ = false;
  }
  if (!parser_) {
    parser_ = std::make_unique<RequestParser>(
        RequestParser::Limits{.body_bytes = shared_->options.max_body_bytes});
  }
  const std::size_t used = parser_->feed(bytes);
  switch (parser_->state()) {
    case RequestParser::State::kStart:
      break;
    case RequestParser::State::kHead:
      if (state_ == State::kIdle) await_head();
      break;
    case RequestParser::State::kBody:
      on_body();
      break;
    case RequestParser::State::kDone:
      dispatch();
      break;
    case RequestParser::State::kFailed:
      refuse(HttpFault(parser_->fault()));
      break;
  }
  return used;
}

std::size_t HttpConnection::hand_over(std::string_view bytes) {
  const auto self = shared_from_this();
  std::unique_ptr<Transport> transport = std::move(transport_);
  LiveCount::Share slot = std::move(slot_);
  close();
  try {
    Splice::start(loop_, std::move(transport), shared_->http2_upstream(client_), bytes,
                  std::move(slot));
  } catch (const Error&) {
    // The upstream is gone: so is this connection, and the client sees it at once.
  }
  return bytes.size();
}

void HttpConnection::on_body() {
  if (state_ != State::kBody) {
    state_ = State::kBody;
    transfer_start_ = Clock::now();
    if (parser_->expects_continue() && parser_->body_bytes() == 0) send_continue();
    if (state_ == State::kClosed) return;
  }
  deadline_ = transfer_deadline(parser_->body_bytes());
}

void HttpConnection::send_continue() {
  constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  // There is room for it in the socket, or the client does not take what was sent before.
  if (transport_->write(kContinue, {}).bytes != kContinue.size()) close();
}

// A client that has closed its connection and one that only has no more to send look alike, until
// something is sent to them: the system of the former answers with a reset (on_tick).
void HttpConnection::on_peer_end() {
  if (std::exchange(end_seen_, true) || http10_) return;  // HTTP/1.0 knows no interim answers
  send_continue();
}

void HttpConnection::on_end() {
  peer_ended_ = true;
  switch (state_) {
    case State::kAnswering:
      on_peer_end();
      break;
    case State::kWriting:
      break;  // it may have closed only its own side
    default:
      close();
      break;
  }
}

void HttpConnection::dispatch() {
  record_.bytes_in = parser_->body_bytes();
  auto request = std::make_shared<HttpRequest>(parser_->take_request());
  keep_alive_ = parser_->keep_alive();
  http10_ = parser_->is_http10();
  head_only_ = parser_->is_head();
  const auto id = request->header("x-request-id");
  request->id = id && is_sane_id(*id) ? std::string(*id) : loop_->random_id();
  request->connection = number_;
  request->received = received_ = Clock::now();
  stop_.emplace();
  request->stop = stop_->get_token();
  record_.time = std::chrono::system_clock::now();
  record_.id = request->id;
  record_.method = head_only_ ? "HEAD" : request->method;
  record_.path = request->path;
  parser_.reset();
  state_ = State::kAnswering;
  deadline_ = Clock::time_point::max();
  end_seen_ = false;
  if (peer_ended_) on_peer_end();
  if (state_ == State::kClosed) return;

  const auto accepted = request->header("accept-encoding");
  const ContentCoding coding =
      request->method == "GET" && accepted ? accepted_coding(*accepted) : ContentCoding::kNone;
  const auto reply = std::make_shared<HttpReply>(loop_, shared_from_this(), ++exchange_, coding);
  const bool urgent = shared_->is_urgent && shared_->is_urgent(*request);
  RequestThreads& threads = urgent ? *shared_->urgent_threads : shared_->threads;
  const bool taken = threads.try_post(
      [shared = shared_, request, reply, urgent] { handle(*shared, request, reply, !urgent); });
  if (!taken) reply->send(fault_response({503, "too many requests wait for a thread"}));
}

void HttpConnection::on_tick(Clock::time_point now) {
  if (state_ == State::kAnswering && *lost_ == exchange_) return guard([&] { send_no_memory(); });
  if (state_ == State::kAnswering && room() == 0 && !end_seen_ && transport_->peer_closed()) {
    on_peer_end();
  }
  if (state_ == State::kAnswering && end_seen_ && transport_->peer_gone()) stop_->request_stop();
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

// Slow is allowed, but not for ever: besides the pause that is allowed at any time, a transfer has
// so long as a slow line needs.
HttpConnection::Clock::time_point HttpConnection::transfer_deadline(std::uint64_t bytes) const {
  constexpr std::uint64_t kSlowestBytesPerSecond = 1024;
  const std::chrono::seconds pause(shared_->options.idle_seconds);
  const std::chrono::seconds needed(bytes / kSlowestBytesPerSecond);
  return std::min(Clock::now() + pause, transfer_start_ + pause + needed);
}

}  // namespace nestvec
