// SPDX-License-Identifier: Apache-2.0
#include "encode.h"

#include <algorithm>
#include <memory>

#include "encode_run.h"
#include "nestvec/tasks.h"
#include "output/vector.h"
#include "released_gil.h"
#include "signals.h"
#include "text_reader.h"

namespace nb = nanobind;

namespace nestvec {
namespace {

// Texts that are taken out of the list before the GIL is let go.
constexpr std::size_t kBytesATime = std::size_t{256} << 10;
constexpr std::size_t kTextsATime = 1024;

void report(const nb::object& progress, const EncodeRun& run, std::size_t& reported) {
  const std::size_t finished = run.finished();
  if (finished == reported) return;
  reported = finished;
  if (!progress.is_none()) progress(finished);
}

void run_all(EncodeRun& run, TextReader& reader, const nb::object& progress) {
  std::size_t reported = 0;
  for (bool idle = false; !(idle && reader.at_end() && run.window_is_empty());) {
    std::vector<std::string> texts;
    if (run.wants_text()) texts = reader.read(kTextsATime, kBytesATime);
    {
      const ReleasedGil release;
      for (std::string& text : texts) run.add(std::move(text));
      run.pump(reader.at_end());
      if (reader.at_end() || !run.wants_text()) idle = run.wait(kSignalInterval);
    }
    check_signals(run);
    report(progress, run, reported);
  }
}

void run_together(EncodeRun& run, TextReader& reader, const nb::object& progress) {
  std::vector<std::string> texts = reader.read(reader.size(), SIZE_MAX);
  std::size_t reported = 0;
  if (texts.empty()) return;
  {
    const ReleasedGil release;
    run.queue_together(std::move(texts));
  }
  for (bool idle = false; !idle;) {
    idle = wait_for_signals(run);
    report(progress, run, reported);
  }
}

std::size_t width_of(const ModelInfo& info, std::size_t dimensions) {
  if (dimensions == 0) return info.dimensions;
  check_dimensions(dimensions, most_dimensions(info), info.matryoshka_dimensions);
  return dimensions;
}

}  // namespace

void check_prompt(const Model& model, const EncodeArguments& arguments) {
  if (!arguments.prompt || arguments.prompt->empty()) return;
  const bool parse_special = arguments.options.parse_special;
  const std::size_t tokens = model.tokenize(*arguments.prompt, true, parse_special).ids.size();
  const std::size_t limit = model.info().max_tokens;
  if (tokens < limit) return;
  throw Error(ErrorCode::kInvalidArgument, "the prompt has " + std::to_string(tokens) +
                                               " tokens with special tokens, and the model takes " +
                                               std::to_string(limit) +
                                               ", so no text fits after it; shorten it");
}

EncodeResult encode(const Model& model, nb::sequence texts, EncodeArguments arguments) {
  check_prompt(model, arguments);
  const bool own_prompt = arguments.prompt.has_value();
  if (own_prompt) arguments.options.add_prompt = false;
  arguments.options.task = find_task(model.info(), arguments.options.task);
  const EmbedOptions& options = arguments.options;
  TextReader reader(std::move(texts), arguments.prompt.value_or(""));
  const std::size_t width = width_of(model.info(), options.dimensions);
  auto values = std::make_unique_for_overwrite<float[]>(reader.size() * width);
  std::vector<std::size_t> truncated;
  {
    EncodeRun run(model, options, encode_limits(model.info(), arguments.batch_tokens),
                  {values.get(), reader.size() * width}, width);
    if (options.late_chunking) {
      run_together(run, reader, arguments.progress);
    } else {
      run_all(run, reader, arguments.progress);
    }
    truncated = run.truncated();
  }
  float* data = values.get();
  const nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<float*>(p); });
  values.release();
  return {FloatRows(data, {reader.size(), width}, owner), std::move(truncated)};
}

}  // namespace nestvec
