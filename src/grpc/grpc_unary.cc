// SPDX-License-Identifier: Apache-2.0
#include "grpc/grpc_unary.h"

#include <cstdint>
#include <utility>

#include "service/request_memory.h"

namespace nestvec {
namespace {

constexpr std::size_t kTellOwed = std::size_t{4} << 10;
constexpr std::uint64_t kLongestProbe = 4096;

Error too_many_calls() {
  return {ErrorCode::kUnavailable,
          "too many requests are waiting for a thread; retry shortly",
          {.text = {}, .retry_after = std::chrono::seconds(1)}};
}

}  // namespace

GrpcUnary::GrpcUnary(GrpcContext& context, const GrpcRoute& route, GrpcHead head)
    : context_(context),
      route_(route),
      head_(std::move(head)),
      // Without a key little is taken, and nothing charged: a probe must find an answer whatever
      // its client holds.
      reader_(route.open ? kLongestProbe : context.options.max_body_bytes,
              route.open ? nullptr : head_.request->account) {
  if (!route_.open) call_.memory = head_.request->account;
  if (!route_.open) trace_.emplace(context_, *head_.request, head_.client);
}

std::shared_ptr<GrpcUnary> GrpcUnary::start(GrpcContext& context, const GrpcRoute& route,
                                            GrpcHead head) {
  const auto call = std::make_shared<GrpcUnary>(context, route, std::move(head));
  try {
    call->admit_call();
  } catch (const Error& error) {
    call->fail(error, route.refuse);  // as what it is: a RequestError says more
  } catch (...) {
    call->fail(current_error(), route.refuse);
  }
  return call;
}

void GrpcUnary::admit_call() {
  call_.stop = stop_.get_token();
  call_.received = Clock::now();
  if (route_.open) return;
  call_.id = trace_->id();
  admit(*head_.request, context_.keys, call_);
  reader_.charge_to(call_.memory);
  if (route_.has_model) serving(context_);
}

void GrpcUnary::on_body(std::string_view bytes) {
  if (finished_) return;
  reader_.feed(bytes);
  if (reader_.error()) return fail(*reader_.error(), refuse_by_status);
  if (route_.collect && !take_messages()) return;
  owed_ += bytes.size();
  if (owed_ >= kTellOwed) head_.writer->consumed(std::exchange(owed_, 0));
}

// Messages without end, however small, would take more than the request may have.
bool GrpcUnary::take_messages() {
  const ServerOptions& options = context_.options;
  while (auto message = reader_.take()) {
    collected_bytes_ += message->bytes.size();
    if (messages_.size() >= options.max_inputs || collected_bytes_ > options.max_body_bytes) {
      fail({ErrorCode::kResourceExhausted,
            "the stream has more than " + std::to_string(options.max_inputs) + " messages or " +
                std::to_string(options.max_body_bytes) + " bytes; send it in parts"},
           refuse_by_status);
      messages_.clear();
      return false;
    }
    messages_.push_back(*std::move(message));
  }
  if (reader_.error()) fail(*reader_.error(), refuse_by_status);
  return !reader_.error();
}

void GrpcUnary::on_end() {
  if (finished_ || !take_messages()) return;
  const bool right = route_.collect ? !messages_.empty() : messages_.size() == 1;
  if (!right || reader_.buffered() > 0) {
    return fail({ErrorCode::kInternal, "expected one message, whole, and then the end"},
                refuse_by_status);
  }
  call_.received = Clock::now();
  begun_ = true;
  if (route_.open) return run(std::exchange(messages_, {}));
  bool compressed = false;
  for (const auto& message : messages_) compressed = compressed || message.compressed;
  const RequestTurn turn = turn_of(call_.memory, collected_bytes_, compressed);
  const auto shared = std::make_shared<Messages>(std::exchange(messages_, {}));
  const bool begun =
      context_.begin([self = shared_from_this(), shared] { self->run(std::move(*shared)); }, turn);
  if (!begun) fail(too_many_calls(), route_.refuse);
}

std::size_t GrpcUnary::read(Messages messages) {
  std::size_t bytes = 0;
  const std::uint64_t limit = context_.options.max_body_bytes;
  if (route_.collect) request_ = route_.new_collection();
  for (GrpcMessageReader::Message& message : messages) {
    GrpcIncoming incoming = read_message(route_, *head_.request, std::move(message), limit);
    if (trace_) trace_->add_request(incoming.bytes);
    bytes += incoming.bytes;
    if (route_.collect) {
      route_.collect(*incoming.message, request_.get());
      incoming.memory.shrink(incoming.bytes * RequestMemory::kLiving);
    } else {
      request_ = std::move(incoming.message);
    }
    memory_.absorb(std::move(incoming.memory));
  }
  return bytes;
}

void GrpcUnary::run(Messages messages) {
  std::size_t bytes = 0;
  try {
    bytes = read(std::move(messages));
  } catch (...) {
    return fail(current_error(), refuse_by_status);
  }
  try {
    response_ = route_.new_response();
    route_.method(
        call_, *request_, response_.get(),
        [self = shared_from_this()](const GrpcOutcome& outcome) { self->finish(outcome); });
  } catch (...) {
    fail(current_error(), route_.refuse);
  }
  memory_.shrink(bytes * RequestMemory::kLiving);
}

void GrpcUnary::finish(const GrpcOutcome& outcome) noexcept {
  if (outcome.error) return fail(*outcome.error, route_.refuse);
  if (finished_.exchange(true)) return;
  try {
    try {
      answer(outcome);
    } catch (const Error& error) {  // no memory for it
      refuse(error, refuse_by_status);
    }
  } catch (...) {
    head_.writer->give_up();
  }
}

void GrpcUnary::answer(const GrpcOutcome& outcome) {
  FramedMessage framed = frame_answer(*response_, call_.memory);
  const std::size_t bytes = framed.bytes.size() - grpc_prefix(0).size();
  response_.reset();
  AnswerPiece answer{.head = grpc_head(),
                     .bytes = std::move(framed.bytes),
                     .trailers = {},
                     .memory = std::move(framed.memory)};
  Headers more;
  if (outcome.truncated) more.emplace_back("x-truncated-inputs", "0");
  answer.trailers = grpc_trailers({}, std::move(more));
  if (trace_) {
    if (outcome.tokens > 0) trace_->add_tokens(outcome.tokens);
    trace_->add_answer(bytes);
  }
  head_.writer->send(std::move(answer));
}

void GrpcUnary::fail(const Error& error, GrpcRefuse how) noexcept {
  if (finished_.exchange(true)) return;
  try {
    refuse(error, how);
  } catch (...) {
    head_.writer->give_up();
  }
}

void GrpcUnary::refuse(const Error& error, GrpcRefuse how) {
  // Not response_: somebody may be filling it still.
  const std::unique_ptr<GrpcMessage> response = route_.new_response();
  const GrpcStatus status = how(error, trace_ ? trace_->id() : std::string(), response.get());
  if (trace_) trace_->set_error(error);
  if (!status.ok()) {
    return head_.writer->send({.trailers = grpc_trailers_alone(status, grpc_pushback(error))});
  }
  if (trace_) trace_->add_answer(response->ByteSizeLong());
  head_.writer->send({.head = grpc_head(),
                      .bytes = frame_message(*response),
                      .trailers = grpc_trailers(status, grpc_pushback(error))});
}

void GrpcUnary::on_gone() {
  if (finished_) return;
  stop_.request_stop();
  // Whoever works on it tells how it has ended.
  if (begun_ || finished_.exchange(true) || !trace_) return;
  trace_->set_error({ErrorCode::kCancelled, "the client has ended the call"});
}

void GrpcUnary::on_tick(Clock::time_point now) {
  if (finished_ || !call_.deadline || now < *call_.deadline) return;
  fail({ErrorCode::kDeadlineExceeded, "the deadline of the call has passed"}, refuse_by_status);
  stop_.request_stop();
}

void GrpcUnary::on_grace_over() {
  fail(shutting_down(), route_.refuse);
  stop_.request_stop();
}

std::optional<StreamedRequest::Upload> GrpcUnary::upload() const {
  if (finished_) return std::nullopt;
  // A call that has not begun its message is as slow as one that does not end it.
  return Upload{call_.received, reader_.buffered()};
}

}  // namespace nestvec
