// SPDX-License-Identifier: Apache-2.0
// The reading half; http_answer.cc has the writing one, http_time.cc what comes with time.
#include "http/http_connection.h"

#include <algorithm>
#include <utility>

#include "http/content_coding.h"
#include "http/h2_connection.h"
#include "http/head_memory.h"
#include "http/http_reply.h"
#include "service/request_memory.h"

namespace nestvec {
namespace {

// Requests behind the one that is answered: so many bytes of them are read ahead.
constexpr std::size_t kMaxAhead = std::size_t{16} << 10;
// A body up to this size is read and dropped where its head was enough to refuse the request: its
// client can go on with the connection.
constexpr std::size_t kMaxDropped = std::size_t{64} << 10;

}  // namespace

HttpConnection::HttpConnection(std::shared_ptr<IoLoop> loop, std::shared_ptr<HttpShared> shared,
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
      head_memory_(account_) {}

void HttpConnection::start(const std::shared_ptr<IoLoop>& loop, std::shared_ptr<HttpShared> shared,
                           NewConnection accepted) {
  const auto connection =
      std::make_shared<HttpConnection>(loop, std::move(shared), std::move(accepted));
  connection->entry_ = loop->add(connection);
  connection->seat_.belongs_to(connection, *loop);
  const bool has_memory = connection->await_head();
  connection->enter(State::kHandshake);
  connection->guard([&] { has_memory ? connection->handshake() : connection->close(); });
}

void HttpConnection::enter(State state) {
  using Use = ConnectionSeats::Use;
  state_ = state;
  switch (state) {
    case State::kHandshake:
    case State::kIdle:
    case State::kHead:
    case State::kLingering:
      return seat_.use(Use::kIdle, Clock::now());
    case State::kBody:
      return seat_.use(Use::kAwaited, Clock::now());
    case State::kAnswering:
    case State::kWriting:  // awaited when the socket takes no more
      return seat_.use(Use::kWorking, Clock::now());
    case State::kClosed:
      return;
  }
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
    case IoStatus::kFailed:
      if (!transport_->falls_back_to_plain()) return close();
      return refuse(
          {400, "this port speaks HTTPS, and the request came without TLS: use https://"});
    case IoStatus::kEnd:
      return close();
  }
}

void HttpConnection::await_request() {
  enter(State::kIdle);
  head_memory_ = MemoryShare(account_);
  deadline_ = Clock::now() + std::chrono::seconds(shared_->options.idle_seconds);
  if (shared_->draining) on_drain(Clock::now());
}

// False where its client's memory has no room for one more head.
bool HttpConnection::await_head() {
  enter(State::kHead);
  deadline_ = Clock::now() + std::chrono::seconds(shared_->options.header_seconds);
  return take_head(*shared_, head_memory_, RequestMemory::kHead, address_);
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
  if (awaited_memory_) return 0;
  if (state_ == State::kLingering) {
    return std::min(loop_->scratch().size(), kMostDropped - std::min(kMostDropped, dropped_.bytes));
  }
  if (state_ == State::kAnswering || state_ == State::kWriting) {
    return kMaxAhead - std::min(kMaxAhead, input_.size());
  }
  return loop_->scratch().size();
}

void HttpConnection::wait_to_read(IoStatus want) {
  waiting_to_read_ = true;
  transport_->wait(want, [self = shared_from_this()] {
    self->waiting_to_read_ = false;
    self->guard([&] { self->read(); });
  });
}

void HttpConnection::on_bytes(std::string_view bytes) {
  if (state_ == State::kLingering) {
    dropped_.bytes += bytes.size();
    deadline_ = dropped_.deadline();
    return;
  }
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
      if (state_ == State::kIdle && !await_head()) refuse(no_room_for_head());
      return 0;
    }
    may_be_http2_ = false;
  }
  if (!parser_) {
    parser_ = std::make_unique<RequestParser>(
        RequestParser::Limits{.body_bytes = shared_->options.max_body_bytes});
  }
  std::size_t used = parser_->feed(bytes);
  switch (parser_->state()) {
    case RequestParser::State::kStart:
      return used;
    case RequestParser::State::kHead:
      if (state_ == State::kIdle && !await_head()) refuse(no_room_for_head());
      return used;
    case RequestParser::State::kBody:
      if (state_ == State::kBody) break;
      on_head(used < bytes.size());
      if (state_ != State::kBody || awaited_memory_ || used == bytes.size()) return used;
      used += parser_->feed(bytes.substr(used));
      break;
    case RequestParser::State::kDone:
    case RequestParser::State::kFailed:
      break;
  }
  on_body();
  return used;
}

// From here on it is a connection of HTTP/2.
std::size_t HttpConnection::hand_over(std::string_view bytes) {
  const auto self = shared_from_this();
  const bool has_head = state_ != State::kIdle || await_head();
  if (!has_head || !grow_to_http2(memory_, std::move(head_memory_))) {
    close();
    return bytes.size();
  }
  NewConnection same{.transport = std::move(transport_),
                     .client = client_,
                     .number = number_,
                     .address = address_,
                     .account = account_,
                     .seat = std::move(seat_),
                     .unfinished = std::move(unfinished_),
                     .memory = std::move(memory_)};
  close();
  H2Connection::start(loop_, shared_, std::move(same), bytes);
  return bytes.size();
}

// A body is to come, or a part of it is there.
void HttpConnection::on_head(bool has_begun) {
  if (state_ == State::kIdle && !await_head()) return refuse(no_room_for_head());
  enter(State::kBody);
  begin_transfer(0);
  judge_head();
  if (state_ != State::kBody || refusal_) return;
  await_memory();
  if (!awaited_memory_ && !has_begun && parser_->expects_continue()) send_continue();
}

bool HttpConnection::settle_head(const HttpRequest& head) {
  if (state_ == State::kIdle && !await_head()) return false;  // it came in one piece
  return nestvec::settle_head(*shared_, head, account_, parser_->head_bytes(), head_memory_);
}

void HttpConnection::begin(HttpRequest& request) {
  request.connection = number_;
  request.peer = client_;
  request.account = account_;
  begin_request(*shared_, request, loop_->random_id(), record_);
}

// What can be said without the body is said before a byte of it is read.
void HttpConnection::judge_head() {
  HttpRequest& head = parser_->request();
  begin(head);
  if (parser_->is_head()) record_.method = "HEAD";
  HeadVerdict verdict = shared_->guard ? shared_->guard(head) : HeadVerdict();
  if (!verdict.key.empty()) head.account = account_of(*shared_, head, verdict.key);
  if (!verdict.refusal && !settle_head(head)) verdict.refusal = fault_response(no_room_for_head());
  if (!verdict.refusal) {
    verdict.refusal = refuse_length(*shared_, head, parser_->promised_bytes().value_or(0));
  }
  if (verdict.refusal) return refuse_head(*std::move(verdict.refusal));
  parser_->charge_to(head.account);
  transfer_.account = head.account;
}

void HttpConnection::refuse_head(HttpResponse response) {
  const std::uint64_t length = parser_->promised_bytes().value_or(kMaxDropped + 1);
  if (length <= kMaxDropped && !parser_->expects_continue()) {
    parser_->drop_body();
    refusal_ = std::move(response);
    return;
  }
  end_early(std::move(response));
}

// The last answer of the connection, before the body is there.
void HttpConnection::end_early(HttpResponse response) {
  received_ = parser_->request().received;
  http10_ = parser_->is_http10();
  head_only_ = parser_->is_head();
  record_.bytes_in = parser_->body_bytes();
  parser_.reset();
  send(std::move(response), true);
}

// The body does not come to its end; what was to be said about the head goes before `why`.
void HttpConnection::cut_body(HttpResponse why) {
  awaited_memory_.reset();
  if (refusal_) why = *std::exchange(refusal_, std::nullopt);
  end_early(std::move(why));
}

// A body of promised length finds all of its memory at once, and so is read to its end, or waits
// and holds none.
void HttpConnection::await_memory() {
  if (parser_->reserve_body()) {
    awaited_memory_.reset();
    begin_transfer(parser_->held_bytes());
  } else if (!awaited_memory_) {
    awaited_memory_.emplace(Clock::now() + RequestMemory::kPatience, parser_->request().account);
  }
}

void HttpConnection::refuse_for_memory() {
  cut_body(nestvec::refuse_for_memory(*shared_, parser_->request(), parser_->body_bytes()));
}

void HttpConnection::on_body() {
  switch (parser_->state()) {
    case RequestParser::State::kDone:
      return dispatch();
    case RequestParser::State::kFailed:
      if (parser_->out_of_memory()) return refuse_for_memory();
      return parser_->fault().status == 413 ? refuse_body() : refuse(HttpFault(parser_->fault()));
    default:
      return note_transfer(parser_->body_bytes(), parser_->held_bytes());
  }
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
  const bool judged = state_ == State::kBody;
  auto request = std::make_shared<HttpRequest>(parser_->take_request());
  keep_alive_ = parser_->keep_alive();
  http10_ = parser_->is_http10();
  head_only_ = parser_->is_head();
  if (judged) {
    request->received = Clock::now();
  } else {
    begin(*request);
    if (head_only_) record_.method = "HEAD";
    if (!settle_head(*request)) refusal_ = fault_response(no_room_for_head());
  }
  record_.bytes_in = parser_->body_bytes();
  received_ = request->received;
  transfer_.account = request->account;
  asked_ = request;
  stop_.emplace();
  request->stop = stop_->get_token();
  parser_.reset();
  enter(State::kAnswering);
  deadline_ = Clock::time_point::max();
  end_seen_ = false;
  if (peer_ended_) on_peer_end();
  if (state_ == State::kClosed) return;

  const auto accepted = request->header("accept-encoding");
  const ContentCoding coding =
      request->method == "GET" && accepted ? accepted_coding(*accepted) : ContentCoding::kNone;
  const auto reply = std::make_shared<HttpReply>(loop_, shared_from_this(), ++exchange_, coding);
  if (refusal_) return reply->send(*std::exchange(refusal_, std::nullopt));
  if (!post_request(shared_, request, reply)) {
    reply->send(fault_response({503, "too many requests are waiting for a thread"}));
  }
}

}  // namespace nestvec
