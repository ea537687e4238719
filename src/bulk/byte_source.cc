// SPDX-License-Identifier: Apache-2.0
#include "bulk/byte_source.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include "base/compression.h"
#include "base/file.h"
#include "bulk/file_kind.h"
#include "bulk/input_list.h"
#include "bulk/utf16_source.h"

namespace nestvec {
namespace {

constexpr std::size_t kPiece = std::size_t{64} << 10;
constexpr int kPollMilliseconds = 50;

class FileSource final : public ByteSource {
 public:
  FileSource(const std::string& path, std::stop_token stop)
      : name_(input_name(path)), stop_(std::move(stop)) {
    if (path == kStandardInput) {
      fd_ = STDIN_FILENO;
      return;
    }
    file_ = FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file_.valid()) throw file_error("cannot open", path, errno);
    fd_ = file_.get();
  }

  std::string_view read() override {
    while (true) {
      wait();
      const ssize_t count = ::read(fd_, buffer_.data(), buffer_.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) throw file_error("cannot read", name_, errno);
      raw_bytes_ += static_cast<std::uint64_t>(count);
      return {buffer_.data(), static_cast<std::size_t>(count)};
    }
  }
  std::uint64_t raw_bytes() const override { return raw_bytes_; }

 private:
  // A pipe may stay silent for ever.
  void wait() {
    pollfd ready{fd_, POLLIN, 0};
    do {
      if (stop_.stop_requested()) throw Error(ErrorCode::kCancelled, "interrupted");
    } while (::poll(&ready, 1, kPollMilliseconds) == 0);
  }

  std::string name_;
  std::stop_token stop_;
  FileDescriptor file_;
  int fd_ = -1;
  std::uint64_t raw_bytes_ = 0;
  std::array<char, kPiece> buffer_;
};

class MemorySource final : public ByteSource {
 public:
  MemorySource(std::string bytes, std::size_t piece) : bytes_(std::move(bytes)), piece_(piece) {}

  std::string_view read() override {
    const std::string_view next = std::string_view(bytes_).substr(given_).substr(0, piece_);
    given_ += next.size();
    return next;
  }
  std::uint64_t raw_bytes() const override { return given_; }

 private:
  std::string bytes_;
  std::size_t piece_;
  std::size_t given_ = 0;
};

// What has been read to look at the first bytes, and then the rest.
class Unread final : public ByteSource {
 public:
  Unread(std::string head, std::unique_ptr<ByteSource> rest)
      : head_(std::move(head)), rest_(std::move(rest)) {}

  std::string_view read() override {
    if (given_ || head_.empty()) return rest_->read();
    given_ = true;
    return head_;
  }
  std::uint64_t raw_bytes() const override { return rest_->raw_bytes(); }

 private:
  std::string head_;
  std::unique_ptr<ByteSource> rest_;
  bool given_ = false;
};

class PackedSource final : public ByteSource {
 public:
  PackedSource(std::unique_ptr<ByteSource> packed, Compression format, std::string name)
      : packed_(std::move(packed)),
        format_name_(format == Compression::kGzip ? "gzip" : "Zstandard"),
        name_(std::move(name)),
        decompressor_(format, {.padded = true}) {}

  std::string_view read() override {
    while (true) {
      const std::optional<std::size_t> made = decompressor_.next(input_, buffer_);
      if (!made) throw broken(decompressor_.fault());
      if (*made > 0) return {buffer_.data(), *made};
      input_ = packed_->read();
      if (!input_.empty()) continue;
      if (decompressor_.is_whole()) return {};
      throw broken("ends early");
    }
  }
  std::uint64_t raw_bytes() const override { return packed_->raw_bytes(); }

 private:
  Error broken(std::string_view how) const {
    return Error(ErrorCode::kDataLoss, name_ + ": the " + format_name_ + " data before byte " +
                                           std::to_string(raw_bytes()) + ": " + std::string(how));
  }

  std::unique_ptr<ByteSource> packed_;
  const std::string format_name_;
  const std::string name_;
  Decompressor decompressor_;
  std::string_view input_;  // of packed_, not used yet
  std::array<char, kPiece> buffer_;
};

}  // namespace

std::unique_ptr<ByteSource> memory_source(std::string bytes, std::size_t piece) {
  return std::make_unique<MemorySource>(std::move(bytes), piece);
}

std::unique_ptr<ByteSource> unpack_source(std::unique_ptr<ByteSource> packed,
                                          const std::string& name) {
  constexpr int kMostLayers = 4;
  for (int layer = 0;; ++layer) {
    std::string head;
    while (head.size() < kCodingBytes) {
      const std::string_view bytes = packed->read();
      if (bytes.empty()) break;
      head.append(bytes);
    }
    const Coding coding = find_coding(head);
    packed = std::make_unique<Unread>(std::move(head), std::move(packed));
    if (coding == Coding::kNone) return packed;
    if (coding == Coding::kUtf16Little || coding == Coding::kUtf16Big) {
      return utf16_source(std::move(packed), coding == Coding::kUtf16Big);
    }
    if (layer == kMostLayers) {
      throw Error(ErrorCode::kDataLoss, name + ": is compressed more than " +
                                            std::to_string(kMostLayers) + " times over");
    }
    const auto format = coding == Coding::kGzip ? Compression::kGzip : Compression::kZstd;
    packed = std::make_unique<PackedSource>(std::move(packed), format, name);
  }
}

std::unique_ptr<ByteSource> checked_source(std::unique_ptr<ByteSource> source,
                                           const std::string& name) {
  std::string head(source->read());
  check_text(head, name);
  return std::make_unique<Unread>(std::move(head), std::move(source));
}

std::unique_ptr<ByteSource> open_source(const std::string& path, std::stop_token stop,
                                        bool force_text) {
  const std::string name = input_name(path);
  auto source = unpack_source(std::make_unique<FileSource>(path, std::move(stop)), name);
  return force_text ? std::move(source) : checked_source(std::move(source), name);
}

}  // namespace nestvec
