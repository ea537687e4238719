// SPDX-License-Identifier: Apache-2.0
#include "cli/output_target.h"

#include <array>
#include <exception>

namespace nestvec {

// Streams swallow exceptions, so the first one is kept for commit().
class OutputTarget::FileBuffer final : public std::streambuf {
 public:
  explicit FileBuffer(const std::string& path) : file_(path) {
    setp(buffer_.data(), buffer_.data() + buffer_.size());
  }

  void commit() {
    sync();
    if (failure_) std::rethrow_exception(failure_);
    file_.commit();
  }

 protected:
  int_type overflow(int_type c) override {
    if (sync() != 0) return traits_type::eof();
    if (!traits_type::eq_int_type(c, traits_type::eof())) {
      *pptr() = traits_type::to_char_type(c);
      pbump(1);
    }
    return traits_type::not_eof(c);
  }

  int sync() override {
    try {
      file_.write(std::string_view(pbase(), static_cast<std::size_t>(pptr() - pbase())));
    } catch (const Error&) {
      if (!failure_) failure_ = std::current_exception();
      return -1;
    }
    setp(buffer_.data(), buffer_.data() + buffer_.size());
    return 0;
  }

 private:
  AtomicFile file_;
  std::array<char, 65536> buffer_;
  std::exception_ptr failure_;
};

OutputTarget::OutputTarget(const std::string& path, std::ostream& standard_output)
    : standard_output_(standard_output) {
  if (path.empty()) return;
  buffer_ = std::make_unique<FileBuffer>(path);
  file_stream_ = std::make_unique<std::ostream>(buffer_.get());
}

OutputTarget::~OutputTarget() = default;

std::ostream& OutputTarget::stream() {
  return file_stream_ ? *file_stream_ : standard_output_;
}

void OutputTarget::commit() {
  if (buffer_) buffer_->commit();
}

}  // namespace nestvec
