// SPDX-License-Identifier: Apache-2.0
#include "bulk/byte_source.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <cerrno>
#include <utility>

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

class GzipSource final : public ByteSource {
 public:
  GzipSource(std::unique_ptr<ByteSource> packed, std::string name)
      : packed_(std::move(packed)), name_(std::move(name)) {
    constexpr int kGzipWindow = 15 + 16;  // zlib's way to say "gzip, the largest window"
    if (inflateInit2(&stream_, kGzipWindow) != Z_OK) {
      throw Error(ErrorCode::kResourceExhausted, "no memory to read " + name_);
    }
  }
  ~GzipSource() override { inflateEnd(&stream_); }

  std::string_view read() override {
    while (true) {
      if (stream_.avail_in == 0 && !refill()) {
        if (status_ == Z_STREAM_END) return {};
        throw broken("ends early");
      }
      // A file may have several members, and zeros behind the last, which fill blocks of a tape.
      if (status_ == Z_STREAM_END && !skip_zeros()) continue;
      if (status_ == Z_STREAM_END) inflateReset(&stream_);
      stream_.next_out = reinterpret_cast<Bytef*>(buffer_.data());
      stream_.avail_out = static_cast<uInt>(buffer_.size());
      status_ = inflate(&stream_, Z_NO_FLUSH);
      if (status_ != Z_OK && status_ != Z_STREAM_END && status_ != Z_BUF_ERROR) {
        throw broken(stream_.msg == nullptr ? "is corrupt" : stream_.msg);
      }
      const std::size_t count = buffer_.size() - stream_.avail_out;
      if (count > 0) return {buffer_.data(), count};
    }
  }
  std::uint64_t raw_bytes() const override { return packed_->raw_bytes(); }

 private:
  bool refill() {
    const std::string_view bytes = packed_->read();
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // only read
    stream_.avail_in = static_cast<uInt>(bytes.size());
    return !bytes.empty();
  }

  // Whether anything is left behind them.
  bool skip_zeros() {
    while (stream_.avail_in > 0 && *stream_.next_in == 0) {
      ++stream_.next_in;
      --stream_.avail_in;
    }
    return stream_.avail_in > 0;
  }

  Error broken(const std::string& how) const {
    return Error(ErrorCode::kDataLoss,
                 name_ + ": the gzip data before byte " + std::to_string(raw_bytes()) + ": " + how);
  }

  std::unique_ptr<ByteSource> packed_;
  std::string name_;
  z_stream stream_{};
  int status_ = Z_OK;
  std::array<char, kPiece> buffer_;
};

class ZstdSource final : public ByteSource {
 public:
  ZstdSource(std::unique_ptr<ByteSource> packed, std::string name)
      : packed_(std::move(packed)),
        name_(std::move(name)),
        stream_(ZSTD_createDStream(), ZSTD_freeDStream) {
    if (!stream_) throw Error(ErrorCode::kResourceExhausted, "no memory to read " + name_);
  }

  std::string_view read() override {
    while (true) {
      // What did not fit into the buffer comes before more is asked for.
      if (in_.pos == in_.size && (!full_ || wanted_ == 0) && !refill()) {
        if (wanted_ == 0) return {};
        throw broken("ends early");
      }
      ZSTD_outBuffer out{buffer_.data(), buffer_.size(), 0};
      wanted_ = ZSTD_decompressStream(stream_.get(), &out, &in_);
      if (ZSTD_isError(wanted_) != 0) throw broken(ZSTD_getErrorName(wanted_));
      full_ = out.pos == out.size;
      if (out.pos > 0) return {buffer_.data(), out.pos};
    }
  }
  std::uint64_t raw_bytes() const override { return packed_->raw_bytes(); }

 private:
  bool refill() {
    const std::string_view bytes = packed_->read();
    in_ = {bytes.data(), bytes.size(), 0};
    return !bytes.empty();
  }

  Error broken(const std::string& how) const {
    return Error(ErrorCode::kDataLoss, name_ + ": the Zstandard data before byte " +
                                           std::to_string(raw_bytes()) + ": " + how);
  }

  std::unique_ptr<ByteSource> packed_;
  std::string name_;
  std::unique_ptr<ZSTD_DStream, std::size_t (*)(ZSTD_DStream*)> stream_;
  ZSTD_inBuffer in_{nullptr, 0, 0};
  std::size_t wanted_ = 0;  // 0 = a frame has just ended
  bool full_ = false;
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
    if (coding == Coding::kGzip) {
      packed = std::make_unique<GzipSource>(std::move(packed), name);
    } else {
      packed = std::make_unique<ZstdSource>(std::move(packed), name);
    }
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
