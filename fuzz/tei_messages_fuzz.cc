// SPDX-License-Identifier: Apache-2.0
// A message of any bytes, of the kind that the first byte chooses, gives options that the model
// takes, or an error of one line.
#include <google/protobuf/stubs/logging.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "dialects/tei/tei_messages.h"
#include "expect_one_line.h"
#include "nestvec/error.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

nestvec::ModelInfo model() {
  nestvec::ModelInfo info;
  info.dimensions = 64;
  info.tasks = {{"retrieval.query", "query: "}, {"retrieval.passage", "passage: "}};
  info.default_task = "retrieval.passage";
  return info;
}

bool is_task(std::string_view name) {
  return name.empty() || name == "none" || name == "retrieval.query" || name == "retrieval.passage";
}

template <typename Request>
void check_options(const void* data, int size) {
  Request request;
  if (!request.ParseFromArray(data, size)) return;
  const nestvec::EmbedOptions options = nestvec::read_options(request, model());
  require(!request.inputs().empty());
  require(is_task(options.task));
  require(options.dimensions <= 64);
  require(request.truncate() == (options.truncation != nestvec::Truncation::kError));
}

void check_call(const nestvec::ScoreCall& call, bool truncate) {
  require(call.size() > 0 && call.size() <= 16);
  require(truncate == (call.options.truncation != nestvec::Truncation::kError));
}

template <typename Request>
void check_scores(const void* data, int size) {
  Request request;
  if (!request.ParseFromArray(data, size)) return;
  check_call(nestvec::read_scores(request, model()), request.truncate());
}

void check_ranking(const void* data, int size) {
  tei::v1::RerankRequest request;
  if (!request.ParseFromArray(data, size)) return;
  check_call(nestvec::read_scores(request, model(), 16), request.truncate());
  // The same texts one by one are the same request.
  tei::v1::RerankRequest all;
  for (const std::string& text : request.texts()) {
    tei::v1::RerankStreamRequest message;
    message.set_query(request.query());
    message.set_text(text);
    nestvec::collect_rank(message, &all);
  }
  require(all.query() == request.query() && all.texts_size() == request.texts_size());
}

void check_text(const void* data, int size) {
  tei::v1::EncodeRequest request;
  if (!request.ParseFromArray(data, size)) return;
  require(nestvec::read_text(request, model()).ends_with(request.inputs()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  [[maybe_unused]] static auto* const kLogged = google::protobuf::SetLogHandler(nullptr);
  const int rest = static_cast<int>(size) - 1;
  try {
    switch (data[0] % 7) {
      case 0:
        check_options<tei::v1::EmbedRequest>(data + 1, rest);
        break;
      case 1:
        check_options<tei::v1::EmbedAllRequest>(data + 1, rest);
        break;
      case 2:
        check_text(data + 1, rest);
        break;
      case 3: {
        tei::v1::EmbedSparseRequest request;
        if (!request.ParseFromArray(data + 1, rest)) break;
        require(nestvec::read_options(request, model()).sparse);
        break;
      }
      case 4:
        check_scores<tei::v1::PredictRequest>(data + 1, rest);
        break;
      case 5:
        check_scores<tei::v1::PredictPairRequest>(data + 1, rest);
        break;
      default:
        check_ranking(data + 1, rest);
    }
  } catch (const nestvec::Error& error) {
    require(error.code() == nestvec::ErrorCode::kInvalidArgument);
    expect_one_line_of_utf8(error.what());
  }
  return 0;
}
