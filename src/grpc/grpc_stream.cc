// SPDX-License-Identifier: Apache-2.0
#include "grpc/grpc_stream.h"

#include <utility>

#include "service/request_memory.h"
#include "service/served_models.h"

namespace nestvec {
namespace {

constexpr std::size_t kPay = std::size_t{4} << 10;  // not a window for each small message

}  // namespace

GrpcStream::GrpcStream(GrpcContext& context, const GrpcRoute& route, GrpcHead head)
    : context_(context),
      route_(route),
      head_(std::move(head)),
      reader_(context.options.max_body_bytes, head_.request->account) {
  call_.memory = head_.request->account;
  if (!route_.open) trace_.emplace(context_, *head_.request, head_.client);
}

std::shared_ptr<GrpcStream> GrpcStream::start(GrpcContext& context, const GrpcRoute& route,
                                              GrpcHead head) {
  const auto call = std::make_shared<GrpcStream>(context, route, std::move(head));
  try {
    call->begin();
  } catch (const Error& error) {
    call->refuse(error);  // as what it is: a RequestError says more
  } catch (...) {
    call->refuse(current_error());
  }
  return call;
}

void GrpcStream::begin() {
  call_.stop = stop_.get_token();
  call_.waits = true;
  if (!route_.open) {
    call_.id = trace_->id();
    admit(*head_.request, context_.keys, call_);
    reader_.charge_to(call_.memory);
  }
  if (route_.has_model) service_ = &serving(context_);
  drain_.emplace(context_.drain.get_token(), [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->tell([&] { self->progress_.drain(); });
  });
}

void GrpcStream::refuse(const Error& error) {
  refused_ = true;
  const std::unique_ptr<GrpcMessage> response = route_.new_response();
  const GrpcStatus status =
      route_.refuse(error, trace_ ? trace_->id() : std::string(), response.get());
  if (trace_) trace_->set_error(error);
  if (!status.ok()) {
    return head_.writer->send({.trailers = grpc_trailers_alone(status, grpc_pushback(error))});
  }
  head_.writer->send({.head = grpc_head(),
                      .bytes = frame_message(*response),
                      .trailers = grpc_trailers(status, grpc_pushback(error))});
}

void GrpcStream::on_body(std::string_view bytes) {
  if (refused_) return;
  tell([&] {
    if (reader_.error()) return;
    reader_.feed(bytes);
    fed_ += bytes.size();
  });
}

void GrpcStream::on_end() {
  if (!refused_) tell([&] { body_ended_ = true; });
}

void GrpcStream::on_sent() {
  if (refused_) return;
  tell([&] {
    if (writing_ == 0) return;
    progress_.written();
    for (; writing_ > 0; --writing_) messages_.pop_front();
  });
}

void GrpcStream::on_gone() {
  if (!refused_) tell([&] { progress_.abandon(); });
}

void GrpcStream::on_tick(Clock::time_point now) {
  if (refused_ || !call_.deadline || now < *call_.deadline) return;
  end_at_once({ErrorCode::kDeadlineExceeded, "the deadline of the call has passed"});
}

void GrpcStream::on_grace_over() {
  if (!refused_) end_at_once(shutting_down());
}

// Whatever it still works on.
void GrpcStream::end_at_once(const Error& error) {
  tell([&] {
    if (std::exchange(over_, true)) return;
    if (trace_) trace_->set_error(error);
    const GrpcStatus status = route_.to_status(error);
    head_.writer->send(
        {.trailers = head_sent_ ? grpc_trailers(status) : grpc_trailers_alone(status)});
    progress_.abandon();
  });
}

std::optional<StreamedRequest::Upload> GrpcStream::upload() const {
  const std::lock_guard lock(mutex_);
  const auto since = reader_.partial_since();
  if (refused_ || !since) return std::nullopt;
  return Upload{*since, reader_.buffered()};
}

std::size_t GrpcStream::buffered() const {
  const std::lock_guard lock(mutex_);
  return reader_.buffered();
}

bool GrpcStream::is_working() const {
  const std::lock_guard lock(mutex_);
  return progress_.is_working();
}

// Takes an event in, then does what it allows. What is started from here comes back on another
// thread or later, so the lock may be held around it.
template <typename Event>
void GrpcStream::tell(const Event& event) {
  const auto self = shared_from_this();
  std::unique_lock lock(mutex_);
  event();
  std::stop_source stop = stop_;
  const bool stops = progress_.take_stop();
  if (const std::size_t ready = progress_.take_write(); ready > 0) write(ready);
  read_next();
  pay();
  if (progress_.take_finish()) finish();
  lock.unlock();
  // Last, on a copy and without the lock: it ends calls of the model on this thread.
  if (stops) stop.request_stop();
}

bool GrpcStream::has_room_for_more() const {
  // With a message open, its answer is the event that asks again.
  if (progress_.open() == 0) return true;
  if (call_.memory && RequestMemory::has_enough(*call_.memory)) return false;
  return service_ == nullptr || has_room(call_, *default_model(*service_));
}

void GrpcStream::read_next() {
  if (!progress_.may_read() || !has_room_for_more()) return;
  if (auto raw = reader_.take()) {
    progress_.take_read();
    constexpr std::size_t kPrefix = 5;
    taken_ += kPrefix + raw->bytes.size();
    const RequestTurn turn = turn_of(call_.memory, raw->bytes.size(), raw->compressed);
    const auto shared = std::make_shared<GrpcMessageReader::Message>(*std::move(raw));
    const auto work = [self = shared_from_this(), shared] {
      try {
        self->open(std::move(*shared));
      } catch (...) {
        self->head_.writer->give_up();
      }
    };
    context_.go_on(work, turn);
  } else if (reader_.error()) {
    add_fault(*reader_.error());
  } else if (body_ended_ && reader_.buffered() > 0) {
    add_fault({ErrorCode::kInternal, "the last message is not whole"});
  } else if (body_ended_) {
    progress_.take_read();
    progress_.ended();
  }
}

// An error in the place of a message.
void GrpcStream::add_fault(Error error) {
  if (std::exchange(faulty_, true)) return;
  progress_.take_read();
  const auto number = progress_.opened(0);
  messages_.emplace_back();
  progress_.handed_over();
  progress_.answered(*number, std::move(error));
}

// While whole messages wait here, the client sends no more than it may already; else the rest of
// one that has begun is on its way.
void GrpcStream::pay() {
  const std::size_t due = reader_.ready() ? taken_ : fed_;
  if (due - paid_ < kPay) return;
  head_.writer->consumed(due - std::exchange(paid_, due));
}

// The answers of so many messages, in one piece.
void GrpcStream::write(std::size_t messages) {
  AnswerPiece piece;
  for (writing_ = 0; writing_ < messages; ++writing_) {
    FramedMessage& answer = messages_[writing_].answer;
    if (trace_) trace_->add_answer(answer.bytes.size() - grpc_prefix(0).size());
    piece.memory.absorb(std::move(answer.memory));
    if (piece.bytes.empty()) {
      piece.bytes = std::move(answer.bytes);
    } else {
      piece.bytes += std::exchange(answer.bytes, std::string());
    }
  }
  if (!std::exchange(head_sent_, true)) piece.head = grpc_head();
  head_.writer->send(std::move(piece));
}

void GrpcStream::finish() {
  const std::optional<Error>& error = progress_.error();
  if (over_) return;
  if (error && trace_) trace_->set_error(*error);
  const GrpcStatus status = error ? route_.to_status(*error) : GrpcStatus{};
  AnswerPiece piece;
  if (!head_sent_ && !error) piece.head = grpc_head();
  piece.trailers = head_sent_ || !error ? grpc_trailers(status) : grpc_trailers_alone(status);
  head_.writer->send(std::move(piece));
}

void GrpcStream::open(GrpcMessageReader::Message raw) {
  GrpcIncoming incoming;
  std::size_t cost = 0;
  std::optional<Error> error;
  try {
    incoming =
        read_message(route_, *head_.request, std::move(raw), context_.options.max_body_bytes);
    cost = route_.cost(*incoming.message);
  } catch (...) {
    error = current_error();
  }
  const auto memory = std::make_shared<MemoryShare>(std::move(incoming.memory));
  Message* message = nullptr;
  std::optional<std::uint64_t> number;
  GrpcCall call = call_;
  tell([&] {
    if (trace_) trace_->add_request(incoming.bytes);
    number = progress_.opened(cost);
    if (!number) return;
    message = &messages_.emplace_back();
    message->request = std::move(incoming.message);
    message->memory = memory;
    call.crowded = progress_.open() > 1;
  });
  if (message == nullptr) return;
  if (!error) {
    message->response = route_.new_response();
    call.received = Clock::now();
    work(call, *message, *number);
  }
  memory->shrink(incoming.bytes * RequestMemory::kLiving);
  tell([&] {
    progress_.handed_over();
    if (error) progress_.answered(*number, std::move(error));
  });
}

void GrpcStream::work(const GrpcCall& call, Message& message, std::uint64_t number) {
  route_.method(call, *message.request, message.response.get(),
                [self = shared_from_this(), &message, number](const GrpcOutcome& outcome) {
                  self->answer(message, number, outcome);
                });
}

void GrpcStream::answer(Message& message, std::uint64_t number,
                        const GrpcOutcome& outcome) noexcept {
  try {
    FramedMessage framed;
    std::optional<Error> error = outcome.error;
    if (!error) {
      try {
        framed = frame_answer(*message.response, call_.memory);
      } catch (const Error& no_memory) {
        error = no_memory;
      }
    }
    tell([&] {
      if (trace_ && outcome.tokens > 0) trace_->add_tokens(outcome.tokens);
      message.answer = std::move(framed);
      message.response.reset();
      message.request.reset();
      message.memory.reset();
      progress_.answered(number, std::move(error));
    });
  } catch (...) {
    head_.writer->give_up();
  }
}

}  // namespace nestvec
