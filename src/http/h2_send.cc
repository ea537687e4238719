// SPDX-License-Identifier: Apache-2.0
// What H2Connection sends: heads, bodies as the socket takes them, trailers.
#include <algorithm>
#include <exception>
#include <new>
#include <utility>

#include "base/free_buffer.h"
#include "http/h2_connection.h"
#include "http/response_head.h"
#include "service/call_failure.h"

namespace nestvec {

// A streamed request's way back: from any thread to the loop of its connection.
class H2Writer final : public AnswerWriter {
 public:
  H2Writer(std::shared_ptr<IoLoop> loop, const std::shared_ptr<H2Connection>& connection,
           std::int32_t stream_id, std::shared_ptr<const int> alive)
      : loop_(std::move(loop)),
        connection_(connection),
        lost_(connection->lost_exchange()),
        stream_id_(stream_id),
        alive_(std::move(alive)) {}

  void send(AnswerPiece piece) noexcept override {
    post([&] {
      loop_->post([connection = connection_, id = stream_id_,
                   sent = std::make_shared<AnswerPiece>(std::move(piece))] {
        if (const auto there = connection.lock()) there->send(id, std::move(*sent));
      });
    });
  }
  void consumed(std::size_t bytes) noexcept override {
    post([&] {
      loop_->post([connection = connection_, id = stream_id_, bytes] {
        if (const auto there = connection.lock()) there->consumed(id, bytes);
      });
    });
  }
  void give_up() noexcept override { *lost_ = static_cast<std::uint64_t>(stream_id_); }

 private:
  template <class Work>
  void post(const Work& work) noexcept {
    try {
      work();
    } catch (const std::exception&) {
      give_up();
    }
  }

  const std::shared_ptr<IoLoop> loop_;
  const std::weak_ptr<H2Connection> connection_;
  const LostExchange lost_;
  const std::int32_t stream_id_;
  const std::shared_ptr<const int> alive_;
};

bool H2Connection::start_streamed(H2Stream& stream) {
  auto writer = std::make_shared<H2Writer>(loop_, shared_from_this(), stream.id, alive_);
  stream.streamed = shared_->streamed(stream.request, client_, std::move(writer));
  return stream.streamed != nullptr;
}

// Answers before the body is there, which is dropped from here on.
void H2Connection::refuse(H2Stream& stream, HttpResponse response) {
  stream.drops_body = true;
  free_buffer(stream.request->body);
  stream.body_memory = BodyMemory();
  stream.awaited_memory.reset();
  stream.record.bytes_in = stream.body_bytes;
  send_response(stream, std::move(response));
}

// The server does not wait for it any longer.
void H2Connection::cut(H2Stream& stream) {
  if (stream.begun == Clock::time_point{} || stream.last) return;
  if (stream.streamed) return stream.streamed->on_grace_over();
  stream.answering = false;
  HttpResponse response = refuse_request(*shared_, *stream.request, shutting_down());
  if (stream.body_ended) {
    send_response(stream, std::move(response));
  } else {
    refuse(stream, std::move(response));
  }
  if (stream.stop) stream.stop->request_stop();
}

void H2Connection::answer(std::uint64_t exchange, HttpResponse response) {
  H2Stream* const stream =
      state_ == State::kOpen ? find(static_cast<std::int32_t>(exchange)) : nullptr;
  if (stream == nullptr || !stream->answering) return;
  guard([&] {
    stream->answering = false;
    if (response.no_memory) {
      response =
          fault_response({503, "no memory for this request; send less at once, or try again"});
    }
    send_response(*stream, std::move(response));
    schedule_flush();
  });
}

void H2Connection::send_response(H2Stream& stream, HttpResponse response) {
  stream.record.status = response.status;
  stream.record.tokens = token_count(response);
  const H2AnswerHead head(response, loop_->date(), stream.record.id);
  const bool has_body =
      !stream.head_only && status_has_body(response.status) && !response.body.empty();
  if (has_body) {
    stream.out = std::move(response.body);
    if (response.memory) stream.out_memory = std::move(*response.memory);
    stream.out_since = stream.out_last = Clock::now();
    unsent_ += stream.out.size();
  }
  stream.last = true;
  submit(stream, head.fields, has_body);
}

void H2Connection::submit(H2Stream& stream, const H2Fields& fields, bool has_body) {
  nghttp2_data_provider provider{};
  provider.source.ptr = this;
  provider.read_callback = [](nghttp2_session*, std::int32_t id, std::uint8_t* into,
                              std::size_t size, std::uint32_t* flags, nghttp2_data_source* source,
                              void*) -> ssize_t {
    auto& self = *static_cast<H2Connection*>(source->ptr);
    H2Stream* const found = self.find(id);
    if (found == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    try {
      return self.pull(*found, {into, size}, *flags);
    } catch (const std::exception&) {
      return NGHTTP2_ERR_CALLBACK_FAILURE;  // no memory
    }
  };
  stream.head_sent = true;
  // The stream stays, since callers go over all of them: without memory the connection ends.
  if (nghttp2_submit_response(session_.get(), stream.id, fields.data(), fields.size(),
                              has_body ? &provider : nullptr) != 0) {
    throw std::bad_alloc();
  }
}

void H2Connection::send(std::int32_t stream_id, AnswerPiece piece) {
  H2Stream* const stream = state_ == State::kOpen ? find(stream_id) : nullptr;
  if (stream != nullptr && !stream->last) guard([&] { add_piece(*stream, std::move(piece)); });
}

void H2Connection::add_piece(H2Stream& to, AnswerPiece piece) {
  H2Stream* const stream = &to;
  if (!piece.bytes.empty()) {
    if (stream->unsent() == 0) {
      stream->out_since = stream->out_last = Clock::now();
      stream->out_sent = 0;
      free_buffer(stream->out);
      stream->out_memory = MemoryShare();
      stream->out_at = 0;
    }
    unsent_ += piece.bytes.size();
    stream->out_memory.absorb(std::move(piece.memory));
    if (stream->out.empty()) {
      stream->out = std::move(piece.bytes);
    } else {
      stream->out += piece.bytes;
    }
  }
  stream->sends = true;
  stream->last = piece.trailers.has_value();
  if (stream->last) stream->drops_body = true;
  if (!stream->head_sent) {
    const bool alone = !piece.head && piece.trailers;
    H2Fields fields;  // refers to the piece's
    fields.add(":status", "200");
    if (alone) {
      fields.add_all(*piece.trailers);
    } else if (piece.head) {
      fields.add_all(*piece.head);
    }
    if (!alone) stream->trailers = std::move(piece.trailers);
    submit(*stream, fields, !alone);
  } else {
    stream->trailers = std::move(piece.trailers);
    if (std::exchange(stream->deferred, false)) {
      nghttp2_session_resume_data(session_.get(), stream->id);
    }
  }
  schedule_flush();
}

std::ptrdiff_t H2Connection::pull(H2Stream& stream, std::span<std::uint8_t> into,
                                  std::uint32_t& flags) {
  const std::size_t size = std::min(into.size(), stream.unsent());
  std::copy_n(stream.out.data() + stream.out_at, size, reinterpret_cast<char*>(into.data()));
  stream.out_at += size;
  stream.out_sent += size;
  stream.out_last = Clock::now();
  unsent_ -= size;
  rates_.add_sent_data();
  if (stream.unsent() > 0) return static_cast<std::ptrdiff_t>(size);
  if (stream.streamed && std::exchange(stream.sends, false)) sent_.push_back(stream.id);
  if (!stream.last) {
    free_buffer(stream.out);
    stream.out_memory = MemoryShare();
    stream.out_at = 0;
    if (size > 0) return static_cast<std::ptrdiff_t>(size);
    stream.deferred = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  flags |= NGHTTP2_DATA_FLAG_EOF;
  if (stream.trailers) {
    flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    H2Fields fields;
    fields.add_all(*stream.trailers);
    if (nghttp2_submit_trailer(session_.get(), stream.id, fields.data(), fields.size()) != 0) {
      throw std::bad_alloc();
    }
  }
  return static_cast<std::ptrdiff_t>(size);
}

void H2Connection::on_frame_sent(const nghttp2_frame& frame) {
  constexpr std::size_t kFrameHead = 9;
  H2Stream* const stream = find(frame.hd.stream_id);
  if (stream == nullptr) return;
  stream->wire_out += kFrameHead + frame.hd.length;
  const bool may_end = frame.hd.type == NGHTTP2_HEADERS || frame.hd.type == NGHTTP2_DATA;
  if (may_end && (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 && !stream->body_ended) {
    stream->answered = Clock::now();
    // What is left of the request is of no use any more (RFC 9113, 8.1).
    if (stream->streamed) {
      nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_NO_ERROR);
    }
  }
}

void H2Connection::reset(std::int32_t stream_id, std::uint32_t error_code) {
  nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream_id, error_code);
  const auto found = streams_.find(stream_id);
  if (found == streams_.end()) return;
  finish(found->second);
  streams_.erase(found);
  if (streams_.empty()) become_idle();
}

// Tells the log and whoever still works on it.
void H2Connection::finish(H2Stream& stream) noexcept {
  unsent_ -= stream.unsent();
  try {
    if (stream.stop) stream.stop->request_stop();
    if (stream.streamed) return stream.streamed->on_gone();
    if (stream.begun == Clock::time_point{} || !shared_->access_log) return;
    constexpr int kClientClosedRequest = 499;
    AccessRecord& record = stream.record;
    if (record.status == 0) record.status = kClientClosedRequest;
    record.client = client_;
    record.bytes_out = stream.wire_out;
    record.milliseconds =
        std::chrono::duration<double, std::milli>(Clock::now() - stream.request->received).count();
    shared_->access_log(record);
  } catch (const std::exception&) {
    // No memory for the line.
  }
}

}  // namespace nestvec
