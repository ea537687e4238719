// SPDX-License-Identifier: Apache-2.0
// A file of rows of any bytes, read as every format: the rows do not depend on the pieces in which
// it comes, each row's end is a place from which the rest is read the same, and what is wrong with
// a row is told in one line. Each text fits its limit.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "bulk/row_reader.h"
#include "expect_one_line.h"
#include "nestvec/error.h"

namespace {

using nestvec::RowFields;
using nestvec::RowFormat;
using nestvec::RowReader;
using nestvec::RowRules;

struct Row {
  RowFields fields;
  std::uint64_t line;
  std::uint64_t end;
  std::uint32_t checksum;
};

void require(bool holds) {
  if (!holds) std::abort();
}

bool same(const Row& a, const Row& b) {
  return a.fields.text == b.fields.text && a.fields.id == b.fields.id &&
         a.fields.task == b.fields.task && a.fields.fault == b.fields.fault && a.line == b.line &&
         a.end == b.end && a.checksum == b.checksum;
}

// Nothing where the bytes are not even a header, or not what their compression says.
std::optional<std::vector<Row>> read(const std::string& bytes, std::size_t piece,
                                     const RowRules& rules, std::uint64_t from = 0) {
  std::vector<Row> rows;
  try {
    RowReader reader(nestvec::unpack_source(nestvec::memory_source(bytes, piece), "file"), "file",
                     rules);
    reader.skip_to(from);
    RowFields fields;
    while (reader.next(fields)) {
      expect_one_line(fields.fault);
      require(fields.text.size() <= rules.max_bytes);
      if (!fields.id.empty()) nestvec::JsonDocument::parse(fields.id, "id");
      rows.push_back({fields, reader.line(), reader.cursor().offset(), reader.cursor().checksum()});
    }
  } catch (const nestvec::Error& error) {
    expect_one_line(error.what());
    return std::nullopt;
  }
  return rows;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  for (const RowFormat format :
       {RowFormat::kLines, RowFormat::kJsonLines, RowFormat::kCsv, RowFormat::kTsv}) {
    RowRules rules;
    rules.format = format;
    rules.max_bytes = 200;
    if (size % 2 == 1) rules.id = "id";
    const auto rows = read(bytes, bytes.size() + 1, rules);
    const auto again = read(bytes, 1 + size % 7, rules);
    require(rows.has_value() == again.has_value());
    if (!rows) continue;
    require(rows->size() == again->size());
    for (std::size_t i = 0; i < rows->size(); ++i) require(same((*rows)[i], (*again)[i]));
    if (rows->empty()) continue;
    const std::size_t middle = rows->size() / 2;
    const auto rest = read(bytes, 3, rules, (*rows)[middle].end);
    require(rest && rest->size() == rows->size() - middle - 1);
    for (std::size_t i = 0; i < rest->size(); ++i)
      require(same((*rows)[middle + 1 + i], (*rest)[i]));
  }
  return 0;
}
