// SPDX-License-Identifier: Apache-2.0
// What comes to H2Connection: frames, heads and bodies.
#include <algorithm>
#include <charconv>
#include <limits>
#include <new>
#include <utility>

#include "http/content_coding.h"
#include "http/h2_connection.h"
#include "http/head_memory.h"
#include "http/request_target.h"
#include "service/request_memory.h"

namespace nestvec {
namespace {

// A window is opened again when so much is owed: not for each frame.
constexpr std::size_t kGrant = std::size_t{16} << 10;
// What a field costs besides its text (RFC 9113, 6.5.2).
constexpr std::size_t kFieldCost = 32;

std::string_view view(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

HttpFault body_too_long(std::uint64_t limit) {
  return {413, "the body is longer than " + std::to_string(limit) + " bytes (server.max_body)"};
}

std::optional<std::uint64_t> promised_length(const HttpRequest& request) {
  const auto text = request.header("content-length");
  if (!text) return std::nullopt;
  std::uint64_t length = 0;
  const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), length);
  return failed == std::errc{} ? length : std::numeric_limits<std::uint64_t>::max();
}

}  // namespace

// What nghttp2 calls. Nothing may be thrown through it; a failure ends the connection.
struct H2Connection::Callbacks {
  static H2Connection& self(void* user) { return *static_cast<H2Connection*>(user); }

  template <typename Work>
  static int guarded(const Work& work) noexcept {
    try {
      return work();
    } catch (const std::exception&) {
      return NGHTTP2_ERR_CALLBACK_FAILURE;  // no memory
    }
  }

  static int on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* user) {
    return guarded([&] { return self(user).on_begin_frame(*head); });
  }
  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    return guarded([&] { return self(user).on_begin_head(frame->hd.stream_id); });
  }
  // NOLINTNEXTLINE(readability-function-size): the signature is nghttp2's.
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                       std::uint8_t, void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    return guarded([&] {
      return self(user).on_field(frame->hd.stream_id, view(name, name_size),
                                 view(value, value_size));
    });
  }
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    return guarded([&] { return self(user).on_frame(*frame); });
  }
  // NOLINTNEXTLINE(readability-function-size): the signature is nghttp2's.
  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t stream_id,
                     const std::uint8_t* data, std::size_t size, void* user) {
    return guarded([&] {
      self(user).on_body(stream_id, view(data, size));
      return 0;
    });
  }
  static int on_closed(nghttp2_session*, std::int32_t stream_id, std::uint32_t, void* user) {
    return guarded([&] {
      self(user).on_stream_closed(stream_id);
      return 0;
    });
  }
  static int on_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    return guarded([&] {
      self(user).on_frame_sent(*frame);
      return 0;
    });
  }

  static nghttp2_session_callbacks* make() {
    nghttp2_session_callbacks* all = nullptr;
    if (nghttp2_session_callbacks_new(&all) != 0) throw std::bad_alloc();
    nghttp2_session_callbacks_set_on_begin_frame_callback(all, &on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(all, &on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(all, &on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(all, &on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(all, &on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(all, &on_closed);
    nghttp2_session_callbacks_set_on_frame_send_callback(all, &on_sent);
    return all;
  }
};

void H2Connection::start(const std::shared_ptr<IoLoop>& loop, std::shared_ptr<HttpShared> shared,
                         NewConnection accepted, std::string_view received) {
  static const nghttp2_session_callbacks* const kCallbacks = Callbacks::make();
  const auto connection =
      std::make_shared<H2Connection>(loop, std::move(shared), std::move(accepted));
  connection->session_ = make_h2_session(*kCallbacks, connection.get());
  connection->entry_ = loop->add(connection);
  connection->seat_.belongs_to(connection, *loop);
  connection->note_use(Clock::now());
  if (connection->shared_->draining) connection->on_drain(Clock::now());
  connection->guard([&] {
    connection->on_bytes(received);
    connection->flush();
    connection->read();
  });
}

H2Stream* H2Connection::find(std::int32_t stream_id) {
  const auto found = streams_.find(stream_id);
  return found == streams_.end() ? nullptr : &found->second;
}

int H2Connection::on_begin_frame(const nghttp2_frame_hd& head) {
  rates_.begin_frame(head.length);
  if (head.type == NGHTTP2_CONTINUATION) return 0;
  in_head_ = head.type == NGHTTP2_HEADERS;
  if (in_head_) {
    head_begun_ = Clock::now();
    return 0;
  }
  bool in_time = true;
  if (head.type == NGHTTP2_DATA && head.length > 0) {
    const H2Stream* const stream = find(head.stream_id);
    in_time = rates_.take_data(last_received_, head.length, stream && stream->streamed);
  } else if (head.type == NGHTTP2_RST_STREAM) {
    in_time = rates_.take_reset(last_received_);
  } else {
    in_time = rates_.take_control(last_received_);
  }
  return in_time ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

int H2Connection::on_begin_head(std::int32_t stream_id) {
  // Those count, too, that their client has given up and that are still worked on.
  const auto live = static_cast<std::size_t>(alive_.use_count()) - 1;
  if (std::max(live, streams_.size()) >= H2Limits::kStreams) {
    if (!rates_.take_reset(last_received_)) return NGHTTP2_ERR_CALLBACK_FAILURE;
    reset(stream_id, NGHTTP2_REFUSED_STREAM);
    return 0;
  }
  H2Stream& stream = streams_[stream_id];
  seat_.use(ConnectionSeats::Use::kWorking, last_received_);  // until the next tick tells
  stream.id = stream_id;
  stream.head_memory = MemoryShare(account_);
  if (take_head(*shared_, stream.head_memory, RequestMemory::kHead, address_)) return 0;
  reset(stream_id, NGHTTP2_REFUSED_STREAM);
  return 0;
}

int H2Connection::on_field(std::int32_t stream_id, std::string_view name, std::string_view value) {
  H2Stream* const stream = find(stream_id);
  if (stream == nullptr || stream->begun != Clock::time_point{}) return 0;  // a trailer
  stream->head_bytes += name.size() + value.size() + kFieldCost;
  if (stream->head_bytes > H2Limits::kHeadBytes ||
      stream->request->headers.size() >= H2Limits::kHeaders) {
    if (!stream->fault) {
      stream->fault =
          HttpFault{431, "the head is longer than " + std::to_string(H2Limits::kHeadBytes) +
                             " bytes or " + std::to_string(H2Limits::kHeaders) + " headers"};
    }
    // A few bytes on the wire may stand for very many.
    constexpr std::size_t kFarTooMuch = 4 * H2Limits::kHeadBytes;
    return stream->head_bytes > kFarTooMuch ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
  }
  if (name == ":method") {
    stream->head_only = value == "HEAD";
    stream->request->method = stream->head_only ? "GET" : value;
  } else if (name == ":path") {
    stream->target = value;
  } else if (name == ":authority") {
    stream->request->headers.emplace_back("host", value);
  } else if (!name.starts_with(':') && (name != "host" || !stream->request->header("host"))) {
    stream->request->headers.emplace_back(name, value);
  }
  return 0;
}

int H2Connection::on_frame(const nghttp2_frame& frame) {
  const std::uint8_t flags = frame.hd.flags;
  in_head_ = false;
  if (frame.hd.type == NGHTTP2_SETTINGS && (flags & NGHTTP2_FLAG_ACK) != 0) acknowledged_ = true;
  if (frame.hd.type == NGHTTP2_PING && (flags & NGHTTP2_FLAG_ACK) != 0) pinged_ = false;
  H2Stream* const stream = find(frame.hd.stream_id);
  if (stream == nullptr) return 0;
  if (frame.hd.type == NGHTTP2_HEADERS && frame.headers.cat == NGHTTP2_HCAT_REQUEST) {
    on_head(*stream);
  }
  const bool may_end = frame.hd.type == NGHTTP2_HEADERS || frame.hd.type == NGHTTP2_DATA;
  if (may_end && (flags & NGHTTP2_FLAG_END_STREAM) != 0) on_body_end(*stream);
  return 0;
}

void H2Connection::on_head(H2Stream& stream) {
  stream.begun = stream.last_body = Clock::now();
  HttpRequest& request = *stream.request;
  request.connection = number_;
  request.peer = client_;
  request.account = account_;
  if (!stream.fault) {
    HttpFault fault;
    if (auto parsed = parse_request_target(stream.target, fault)) {
      request.path = std::move(parsed->path);
      request.query = std::move(parsed->query);
    } else {
      stream.fault = std::move(fault);
    }
  }
  // Fair between streams whatever the client asks for: each sends a frame in turn.
  constexpr nghttp2_extpri kInTurn{.urgency = NGHTTP2_EXTPRI_DEFAULT_URGENCY, .inc = 1};
  nghttp2_session_change_extpri_stream_priority(session_.get(), stream.id, &kInTurn, 1);
  begin_request(*shared_, request, loop_->random_id(), stream.record);
  if (stream.head_only) stream.record.method = "HEAD";
  if (stream.fault) {
    stream.record.method = stream.record.path = "-";
    return refuse(stream, fault_response(*stream.fault));
  }
  if (!settle_head(*shared_, request, account_, stream.head_bytes, stream.head_memory)) {
    return refuse(stream, fault_response(no_room_for_head()));
  }
  if (shared_->streamed && start_streamed(stream)) return;
  stream.promised = promised_length(request);
  if (auto refusal = judge(stream)) return refuse(stream, *std::move(refusal));
  stream.body_memory = BodyMemory(request.account);
  if (stream.promised && !stream.body_memory.reserve(request.body, *stream.promised)) {
    stream.awaited_memory.emplace(stream.begun + RequestMemory::kPatience, request.account);
  }
  const auto expect = request.header("expect");
  if (!expect) return;
  if (*expect != "100-continue") {
    return refuse(stream, fault_response({417, "Expect: expected 100-continue"}));
  }
  H2Fields fields;
  fields.add(":status", "100");
  nghttp2_submit_headers(session_.get(), NGHTTP2_FLAG_NONE, stream.id, nullptr, fields.data(),
                         fields.size(), nullptr);
}

std::optional<HttpResponse> H2Connection::judge(H2Stream& stream) {
  if (shared_->guard) {
    HeadVerdict verdict = shared_->guard(*stream.request);
    if (!verdict.key.empty()) {
      stream.request->account = account_of(*shared_, *stream.request, verdict.key);
    }
    if (verdict.refusal) return std::move(verdict.refusal);
  }
  const std::uint64_t limit = shared_->options.max_body_bytes;
  const std::uint64_t length = stream.promised.value_or(0);
  if (length > limit) return refuse_fault(*shared_, *stream.request, body_too_long(limit));
  return refuse_length(*shared_, *stream.request, length);
}

void H2Connection::on_body(std::int32_t stream_id, std::string_view bytes) {
  // Streams have windows of their own; the connection's is there for all of them.
  nghttp2_session_consume_connection(session_.get(), bytes.size());
  H2Stream* const stream = find(stream_id);
  if (stream == nullptr || stream->drops_body) return;
  stream->last_body = last_received_;
  stream->body_bytes += bytes.size();
  if (stream->streamed) return stream->streamed->on_body(bytes);
  std::string& body = stream->request->body;
  if (body.size() + bytes.size() > shared_->options.max_body_bytes) {
    return refuse(*stream, refuse_fault(*shared_, *stream->request,
                                        body_too_long(shared_->options.max_body_bytes)));
  }
  if (!stream->body_memory.make_room(body, bytes.size())) return refuse_for_memory(*stream);
  body.append(bytes);
  stream->owed += bytes.size();
  grant(*stream);
}

// Whether there is memory for what the client may send when the window is opened again. A body of
// promised length has all of its memory at once, or waits; others grow or end.
bool H2Connection::has_memory(H2Stream& stream) {
  if (stream.streamed || stream.drops_body) return true;
  std::string& body = stream.request->body;
  if (!stream.promised) {
    if (stream.body_memory.make_room(body, stream.owed)) return true;
    refuse_for_memory(stream);
    return false;
  }
  if (!stream.body_memory.reserve(body, *stream.promised)) return false;
  if (stream.awaited_memory) {
    stream.awaited_memory.reset();
    stream.begun = stream.last_body = Clock::now();
  }
  return true;
}

void H2Connection::check_memory(H2Stream& stream, Clock::time_point now) {
  if (!has_memory(stream) && now >= stream.awaited_memory->deadline) refuse_for_memory(stream);
}

void H2Connection::refuse_for_memory(H2Stream& stream) {
  stream.awaited_memory.reset();
  refuse(stream, nestvec::refuse_for_memory(*shared_, *stream.request, stream.body_bytes));
}

// Opens the stream's window by what is owed, unless bodies take much already: then only that of the
// longest, which so comes to its end.
void H2Connection::grant(H2Stream& stream) {
  if (stream.owed < kGrant || stream.body_ended) return;
  std::size_t held = 0;
  std::size_t longest = 0;
  for (const auto& [id, other] : streams_) {
    if (other.drops_body) continue;
    const std::size_t size = other.buffered();
    held += size;
    if (!other.body_ended) longest = std::max(longest, size);
  }
  if (held > H2Limits::kBodies && stream.buffered() < longest) return;
  if (!has_memory(stream)) return;
  if (!stream.wide && held <= H2Limits::kBodies) {
    stream.wide = true;
    nghttp2_session_set_local_window_size(session_.get(), NGHTTP2_FLAG_NONE, stream.id,
                                          H2Limits::kWideWindow);
  }
  nghttp2_session_consume_stream(session_.get(), stream.id, std::exchange(stream.owed, 0));
}

void H2Connection::grant_all() {
  for (auto& [id, stream] : streams_) grant(stream);
  if (nghttp2_session_want_write(session_.get()) != 0) schedule_flush();
}

void H2Connection::consumed(std::int32_t stream_id, std::size_t bytes) {
  H2Stream* const stream = state_ == State::kOpen ? find(stream_id) : nullptr;
  if (stream == nullptr) return;
  guard([&] {
    stream->owed += bytes;
    grant(*stream);
    schedule_flush();
  });
}

void H2Connection::on_body_end(H2Stream& stream) {
  stream.body_ended = true;
  if (stream.drops_body) return;
  if (stream.streamed) return stream.streamed->on_end();
  stream.awaited_memory.reset();
  stream.request->memory = std::make_shared<MemoryShare>(stream.body_memory.take());
  stream.record.bytes_in = stream.body_bytes;
  stream.request->received = Clock::now();
  if (unsent_ > H2Limits::kUnsent) {
    waiting_.push_back(stream.id);
  } else {
    dispatch(stream);
  }
}

void H2Connection::dispatch_waiting() {
  while (!waiting_.empty() && unsent_ <= H2Limits::kUnsent) {
    H2Stream* const stream = find(waiting_.front());
    waiting_.pop_front();
    if (stream != nullptr && !stream->last) dispatch(*stream);
  }
}

void H2Connection::dispatch(H2Stream& stream) {
  stream.answering = true;
  stream.stop.emplace();
  const std::shared_ptr<HttpRequest> request = stream.request;
  request->stop = stream.stop->get_token();
  const auto accepted = request->header("accept-encoding");
  const ContentCoding coding =
      request->method == "GET" && accepted ? accepted_coding(*accepted) : ContentCoding::kNone;
  const auto reply = std::make_shared<HttpReply>(
      loop_, shared_from_this(), static_cast<std::uint64_t>(stream.id), coding, alive_);
  if (!post_request(shared_, request, reply)) {
    reply->send(fault_response({503, "too many requests are waiting for a thread"}));
  }
}

void H2Connection::on_stream_closed(std::int32_t stream_id) {
  const auto found = streams_.find(stream_id);
  if (found == streams_.end()) return;
  finish(found->second);
  streams_.erase(found);
  if (streams_.empty()) become_idle();
}

}  // namespace nestvec
