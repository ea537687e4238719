// SPDX-License-Identifier: Apache-2.0
#include "cli/text_lines.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <string_view>

#include "nestvec/error.h"

namespace nestvec {

void for_each_line(std::istream& in, const std::string& source,
                   const std::function<void(std::string& line, const std::string& name)>& use) {
  std::string line;
  std::string name;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    if (line.ends_with('\r')) line.pop_back();
    name.assign("line ").append(std::to_string(number)).append(" of ").append(source);
    use(line, name);
  }
}

namespace {

// What a stream has ready, without waiting for more than that.
class StreamSource final : public ByteSource {
 public:
  explicit StreamSource(std::istream& in) : in_(in) {}

  std::string_view read() override {
    buffer_.clear();
    if (in_.peek() == std::istream::traits_type::eof()) return {};
    buffer_.resize(kPiece);
    const std::streamsize ready = in_.rdbuf()->in_avail();
    const auto wanted = std::clamp<std::streamsize>(ready, 1, static_cast<std::streamsize>(kPiece));
    in_.read(buffer_.data(), wanted);
    buffer_.resize(static_cast<std::size_t>(in_.gcount()));
    count_ += buffer_.size();
    return buffer_;
  }
  std::uint64_t raw_bytes() const override { return count_; }

 private:
  static constexpr std::size_t kPiece = std::size_t{64} << 10;
  std::istream& in_;
  std::string buffer_;
  std::uint64_t count_ = 0;
};

}  // namespace

void for_each_text(std::istream& in, const TextInput& input,
                   const std::function<void(std::string& text, std::uint64_t line)>& use) {
  RowRules rules;
  rules.format = input.format;
  rules.guessed = input.format == RowFormat::kLines;
  rules.text = input.field;
  rules.delimiter = input.delimiter;
  rules.force_text = input.force_text;
  rules.max_bytes = std::numeric_limits<std::size_t>::max() / 2;
  auto source = unpack_source(std::make_unique<StreamSource>(in), input.name);
  if (!input.force_text) source = checked_source(std::move(source), input.name);
  RowReader reader(std::move(source), input.name, rules);
  RowFields row;
  while (reader.next(row)) {
    if (row.fault.empty()) {
      use(row.text, reader.line());
      continue;
    }
    constexpr std::string_view kRow = "the row";
    const std::string name = "line " + std::to_string(reader.line()) + " of " + input.name;
    throw Error(ErrorCode::kInvalidArgument, row.fault.starts_with(kRow)
                                                 ? name + row.fault.substr(kRow.size())
                                                 : name + ": " + row.fault);
  }
}

}  // namespace nestvec
