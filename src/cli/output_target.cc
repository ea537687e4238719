// SPDX-License-Identifier: Apache-2.0
#include "cli/output_target.h"

#include <fcntl.h>

#include <cerrno>
#include <filesystem>

#include "bulk/input_list.h"

namespace nestvec {

namespace fs = std::filesystem;

void check_not_input(const std::string& output, const std::string& input) {
  std::error_code ignored;
  if (fs::is_regular_file(output, ignored)) refuse_input(output, input);
}

OutputTarget::OutputTarget(const std::string& path, std::ostream& standard_output)
    : stream_(&standard_output) {
  if (!path.empty()) open(path);
}

OutputTarget::~OutputTarget() = default;

void OutputTarget::open(const std::string& path) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (fs::is_directory(status)) throw file_error("cannot write", path, EISDIR);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    device_ = FileDescriptor(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!device_.valid()) throw file_error("cannot open", path, errno);
    buffer_ = std::make_unique<OutputBuffer>(
        [this, path](std::string_view bytes) { write_all(device_.get(), path, bytes); });
  } else {
    guard_ = std::make_unique<InterruptGuard>();
    file_ = std::make_unique<AtomicFile>(follow_links(path));
    buffer_ =
        std::make_unique<OutputBuffer>([this](std::string_view bytes) { file_->write(bytes); });
  }
  own_stream_ = std::make_unique<std::ostream>(buffer_.get());
  own_stream_->exceptions(std::ios::badbit);
  stream_ = own_stream_.get();
}

void OutputTarget::commit() {
  stream_->flush();
  if (file_) file_->commit();
}

}  // namespace nestvec
