// SPDX-License-Identifier: Apache-2.0
#include "grpc/grpc_health.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "health.pb.h"

namespace nestvec {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

constexpr std::array<std::string_view, 5> kServices = {"", "tei.v1.Info", "tei.v1.Embed",
                                                       "tei.v1.Tokenize", "clarifai.api.V2"};

}  // namespace

// One call of Watch. Its stream and the health hold it.
class GrpcHealth::Watcher final : public StreamedRequest,
                                  public std::enable_shared_from_this<Watcher> {
 public:
  Watcher(GrpcHealth& health, GrpcHead head)
      : health_(health), head_(std::move(head)), reader_(kLongestRequest) {}

  void on_body(std::string_view bytes) override {
    if (!reader_.error()) reader_.feed(bytes);
  }
  void on_end() override;
  void on_sent() override {}
  void on_gone() override {}
  void on_tick(Clock::time_point) override {}
  void on_grace_over() override {}  // it has ended
  std::optional<Upload> upload() const override { return Upload{begun_, reader_.buffered()}; }
  std::size_t buffered() const override { return reader_.buffered(); }
  bool is_working() const override { return false; }

  // With the lock of the health held, as the next.
  void send(int status) {
    HealthCheckResponse response;
    response.set_status(static_cast<HealthCheckResponse::ServingStatus>(status));
    AnswerPiece piece{.head = {}, .bytes = frame_message(response), .trailers = {}};
    if (!std::exchange(head_sent_, true)) piece.head = grpc_head();
    head_.writer->send(std::move(piece));
  }
  void end(const Error& error) {
    const GrpcStatus status = grpc_status(error);
    head_.writer->send(
        {.trailers = head_sent_ ? grpc_trailers(status) : grpc_trailers_alone(status)});
  }
  const std::string& service() const { return service_; }

 private:
  static constexpr std::uint64_t kLongestRequest = 4096;

  GrpcHealth& health_;
  const GrpcHead head_;
  const Clock::time_point begun_ = Clock::now();
  GrpcMessageReader reader_;
  std::string service_;
  bool head_sent_ = false;
};

void GrpcHealth::Watcher::on_end() {
  const auto message = reader_.take();
  HealthCheckRequest request;
  if (!message || message->compressed || !request.ParseFromString(message->bytes)) {
    return end({ErrorCode::kInternal, "expected one HealthCheckRequest"});
  }
  service_ = request.service();
  const std::lock_guard lock(health_.mutex_);
  send(is_known(service_) ? health_.status() : HealthCheckResponse::SERVICE_UNKNOWN);
  if (health_.state_ == State::kDown) return end(shutting_down());
  std::erase_if(health_.watchers_, [](const auto& other) { return other.expired(); });
  health_.watchers_.push_back(weak_from_this());
}

GrpcHealth::GrpcHealth() {
  check_ = grpc_route<HealthCheckRequest, HealthCheckResponse>(
      "/grpc.health.v1.Health/Check", [this](const GrpcCall&, const HealthCheckRequest& request,
                                             HealthCheckResponse* response, const GrpcDone& done) {
        if (!is_known(request.service())) {
          return done({.error = Error(ErrorCode::kNotFound, "there is no such service here")});
        }
        {
          const std::lock_guard lock(mutex_);
          response->set_status(static_cast<HealthCheckResponse::ServingStatus>(status()));
        }
        done({});
      });
  check_.open = true;
  check_.has_model = false;
}

bool GrpcHealth::is_known(std::string_view service) {
  return std::ranges::find(kServices, service) != kServices.end();
}

int GrpcHealth::status() const {
  return state_ == State::kServing ? HealthCheckResponse::SERVING
                                   : HealthCheckResponse::NOT_SERVING;
}

std::shared_ptr<StreamedRequest> GrpcHealth::watch(GrpcHead head) {
  return std::make_shared<Watcher>(*this, std::move(head));
}

void GrpcHealth::tell(State state) {
  const std::lock_guard lock(mutex_);
  if (state_ == State::kDown) return;
  state_ = state;
  for (const auto& weak : watchers_) {
    const auto watcher = weak.lock();
    if (!watcher) continue;
    if (is_known(watcher->service())) watcher->send(status());
    if (state == State::kDown) watcher->end(shutting_down());
  }
  if (state == State::kDown) watchers_.clear();
}

void GrpcHealth::set_serving() { tell(State::kServing); }
void GrpcHealth::shut_down() { tell(State::kDown); }

}  // namespace nestvec
