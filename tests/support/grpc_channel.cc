// SPDX-License-Identifier: Apache-2.0
#include "support/grpc_channel.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <stdexcept>

#include "base/socket_address.h"

namespace nestvec {
namespace {

std::string from_percent(const std::string& text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      decoded += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

nghttp2_nv field(const std::string& name, const std::string& value) {
  const auto bytes = [](const std::string& text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

}  // namespace

struct GrpcChannel::Callbacks {
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                       std::uint8_t, void* user) {
    static_cast<GrpcChannel*>(user)
        ->call_of(frame->hd.stream_id)
        .trailers.emplace_back(std::string(reinterpret_cast<const char*>(name), name_size),
                               std::string(reinterpret_cast<const char*>(value), value_size));
    return 0;
  }
  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                     std::size_t size, void* user) {
    Call& call = static_cast<GrpcChannel*>(user)->call_of(id);
    call.reader.feed({reinterpret_cast<const char*>(data), size});
    while (auto message = call.reader.take()) call.messages.push_back(std::move(message->bytes));
    return 0;
  }
  static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t code, void* user) {
    Call& call = static_cast<GrpcChannel*>(user)->call_of(id);
    call.over = true;
    call.reset = code;
    return 0;
  }
};

GrpcChannel::GrpcChannel(const Address& address) : wake_(::eventfd(0, EFD_NONBLOCK)) {
  const SocketAddress target = resolve(address).front();
  socket_ = FileDescriptor(::socket(target.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(socket_.get(), target.data(), target.size) != 0) {
    dead_ = true;
    return;
  }
  ::fcntl(socket_.get(), F_SETFL, O_NONBLOCK);
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, &Callbacks::on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &Callbacks::on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &Callbacks::on_close);
  nghttp2_session_client_new(&session_, callbacks, this);
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
  thread_ = std::thread([this] { run(); });
}

std::shared_ptr<GrpcChannel> GrpcChannel::connect(std::uint16_t port) {
  return std::make_shared<GrpcChannel>(Address{"127.0.0.1", port, ""});
}

GrpcChannel::~GrpcChannel() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake();
  if (thread_.joinable()) thread_.join();
  nghttp2_session_del(session_);
}

void GrpcChannel::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof(one));
}

// Sends what the session has and the socket takes; false where the connection is broken.
bool GrpcChannel::send_all(std::unique_lock<std::mutex>&) {
  for (;;) {
    if (out_.empty()) {
      const std::uint8_t* piece = nullptr;
      const auto size = nghttp2_session_mem_send(session_, &piece);
      if (size < 0) return false;
      if (size == 0) return true;
      out_.assign(reinterpret_cast<const char*>(piece), static_cast<std::size_t>(size));
    }
    const ssize_t sent = ::send(socket_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN;
    out_.erase(0, static_cast<std::size_t>(sent));
    changed_.notify_all();
  }
}

void GrpcChannel::end(std::unique_lock<std::mutex>&) {
  dead_ = true;
  for (auto& [id, call] : calls_) call.over = true;
  changed_.notify_all();
}

void GrpcChannel::run() {
  std::array<std::uint8_t, std::size_t{64} << 10> piece;
  for (;;) {
    std::unique_lock lock(mutex_);
    if (stopping_ || !send_all(lock)) return end(lock);
    std::array<pollfd, 2> states{{{socket_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
    if (!out_.empty()) states[0].events |= POLLOUT;
    lock.unlock();
    ::poll(states.data(), states.size(), -1);
    std::uint64_t count = 0;
    [[maybe_unused]] const auto woken = ::read(wake_.get(), &count, sizeof(count));
    lock.lock();
    const ssize_t got = ::recv(socket_.get(), piece.data(), piece.size(), 0);
    if (got == 0 || (got < 0 && errno != EAGAIN)) return end(lock);
    if (got > 0 &&
        nghttp2_session_mem_recv(session_, piece.data(), static_cast<std::size_t>(got)) < 0) {
      return end(lock);
    }
    changed_.notify_all();
  }
}

template <typename Condition>
void GrpcChannel::wait(std::unique_lock<std::mutex>& lock, Condition condition) {
  if (!changed_.wait_for(lock, std::chrono::minutes(1), condition)) {
    throw std::runtime_error("the server is silent");
  }
}

GrpcClientCall GrpcChannel::start(const std::string& path, const Headers& metadata) {
  Headers all{{":method", "POST"}, {":scheme", "http"},
              {":path", path},     {":authority", "127.0.0.1"},
              {"te", "trailers"},  {"content-type", "application/grpc"}};
  all.insert(all.end(), metadata.begin(), metadata.end());
  std::vector<nghttp2_nv> fields;
  for (const auto& [name, value] : all) fields.push_back(field(name, value));
  nghttp2_data_provider provider{};
  provider.source.ptr = this;
  provider.read_callback = [](nghttp2_session*, std::int32_t id, std::uint8_t* into,
                              std::size_t size, std::uint32_t* flags, nghttp2_data_source* source,
                              void*) -> ssize_t {
    Call& call = static_cast<GrpcChannel*>(source->ptr)->call_of(id);
    const std::size_t part = std::min(size, call.out.size());
    std::copy_n(call.out.data(), part, reinterpret_cast<char*>(into));
    call.out.erase(0, part);
    if (call.out.empty() && call.out_ended) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
    } else if (part == 0) {
      return NGHTTP2_ERR_DEFERRED;
    }
    return static_cast<ssize_t>(part);
  };
  std::int32_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!dead_) {
      id = nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(), &provider,
                                  nullptr);
    }
    calls_[id].over = dead_ || id < 0;
  }
  wake();
  return {shared_from_this(), id};
}

GrpcStatus GrpcChannel::call(const std::string& path, const google::protobuf::MessageLite& request,
                             google::protobuf::MessageLite* response, const Headers& metadata,
                             Headers* trailers) {
  GrpcClientCall call = start(path, metadata);
  call.write(request);
  call.writes_done();
  call.read(response);
  GrpcStatus status = call.finish();
  if (trailers != nullptr) *trailers = call.trailers();
  return status;
}

GrpcClientCall::GrpcClientCall(std::shared_ptr<GrpcChannel> channel, std::int32_t id)
    : channel_(std::move(channel)), id_(id) {}

bool GrpcClientCall::write(const google::protobuf::MessageLite& message) {
  const std::string bytes = message.SerializeAsString();
  return write_bytes(grpc_prefix(bytes.size()) + bytes);
}

bool GrpcClientCall::write_bytes(const std::string& body) {
  std::unique_lock lock(channel_->mutex_);
  GrpcChannel::Call& call = channel_->call_of(id_);
  if (call.over) return false;
  call.out += body;
  nghttp2_session_resume_data(channel_->session_, id_);
  lock.unlock();
  channel_->wake();
  lock.lock();
  // As much is given ahead as a client of gRPC's own does.
  constexpr std::size_t kAhead = std::size_t{64} << 10;
  channel_->wait(lock, [&] { return call.over || call.out.size() < kAhead; });
  return !call.over;
}

void GrpcClientCall::writes_done() {
  {
    const std::lock_guard lock(channel_->mutex_);
    channel_->call_of(id_).out_ended = true;
    if (!channel_->dead_) nghttp2_session_resume_data(channel_->session_, id_);
  }
  channel_->wake();
}

std::optional<std::string> GrpcClientCall::read_bytes() {
  std::unique_lock lock(channel_->mutex_);
  GrpcChannel::Call& call = channel_->call_of(id_);
  channel_->wait(lock, [&] { return call.over || !call.messages.empty(); });
  if (call.messages.empty()) return std::nullopt;
  std::string bytes = std::move(call.messages.front());
  call.messages.pop_front();
  return bytes;
}

bool GrpcClientCall::read(google::protobuf::MessageLite* message) {
  const std::optional<std::string> bytes = read_bytes();
  return bytes && message->ParseFromString(*bytes);
}

GrpcStatus GrpcClientCall::finish() {
  std::unique_lock lock(channel_->mutex_);
  GrpcChannel::Call& call = channel_->call_of(id_);
  channel_->wait(lock, [&] { return call.over; });
  GrpcStatus status{
      .code = static_cast<int>(call.reset == NGHTTP2_CANCEL ? ErrorCode::kCancelled
                                                            : ErrorCode::kUnavailable),
      .message = "the connection or the stream has ended"};
  for (const auto& [name, value] : call.trailers) {
    if (name == "grpc-status") status = {.code = std::stoi(value), .message = {}};
  }
  for (const auto& [name, value] : call.trailers) {
    if (name == "grpc-message") status.message = from_percent(value);
  }
  return status;
}

Headers GrpcClientCall::trailers() {
  const std::lock_guard lock(channel_->mutex_);
  return channel_->call_of(id_).trailers;
}

void GrpcClientCall::cancel() {
  {
    const std::lock_guard lock(channel_->mutex_);
    if (channel_->dead_) return;
    nghttp2_submit_rst_stream(channel_->session_, NGHTTP2_FLAG_NONE, id_, NGHTTP2_CANCEL);
  }
  channel_->wake();
}

}  // namespace nestvec
