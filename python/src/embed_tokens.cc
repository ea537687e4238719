// SPDX-License-Identifier: Apache-2.0
#include "embed_tokens.h"

#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <chrono>
#include <deque>
#include <memory>
#include <utility>

#include "call_queue.h"
#include "released_gil.h"
#include "signals.h"
#include "strings.h"
#include "text_reader.h"

namespace nb = nanobind;

namespace nestvec {
namespace {

using Ranges = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

// Texts that are queued together, so that they share the model's runs.
constexpr std::size_t kAhead = 64;

// "the text has 802 tokens" of a call with one text, as the caller counts.
Error about_text(const Error& error, std::size_t index) {
  constexpr std::string_view kOne = "the text ";
  std::string message = error.what();
  ErrorDetail detail = error.detail();
  if (message.starts_with(kOne)) {
    message.replace(0, kOne.size(), "text " + std::to_string(index) + " ");
    detail.text = index;
  }
  return Error(error.code(), message, detail);
}

// Texts under way, first come, first out.
class TokenRun {
 public:
  TokenRun(const Model& model, EmbedOptions options) : model_(model), options_(std::move(options)) {
    options_.stop = calls_.token();
  }

  bool empty() const noexcept { return calls_.empty(); }
  bool has_room() const noexcept { return calls_.size() < kAhead; }

  void add(std::string text) {
    texts_.push_back(std::move(text));
    calls_.add([&](CallQueue<TokenEmbeddings>::Done done) {
      model_.tokenize_and_embed_async(texts_.back(), options_, std::move(done));
    });
  }

  bool wait(std::chrono::milliseconds limit) const { return calls_.wait(limit); }

  // Precondition: wait() was true. Throws Error.
  std::pair<std::string, TokenEmbeddings> take() {
    Result<TokenEmbeddings> result = calls_.take();
    if (!result.ok()) throw about_text(result.error(), taken_);
    ++taken_;
    std::pair<std::string, TokenEmbeddings> out(std::move(texts_.front()),
                                                std::move(result).value());
    texts_.pop_front();
    return out;
  }

  // Ends what is under way and waits until it has ended.
  void stop() { calls_.stop(); }

 private:
  const Model& model_;
  EmbedOptions options_;
  std::deque<std::string> texts_;  // of the calls
  CallQueue<TokenEmbeddings> calls_;
  std::size_t taken_ = 0;
};

// Ranges in a text that stood behind a prompt; what lies in the prompt has none.
Ranges behind_prompt(Ranges ranges, std::size_t prompt_size) {
  const auto size = static_cast<std::uint32_t>(prompt_size);
  for (auto& [begin, end] : ranges) {
    if (end <= size) {
      begin = end = 0;
    } else {
      begin = std::max(begin, size) - size;
      end -= size;
    }
  }
  return ranges;
}

FloatRows rows_of(TokenEmbeddings& tokens) {
  auto values = std::make_unique<std::vector<float>>(std::move(tokens.values));
  float* data = values->data();
  const nb::capsule owner(values.get(),
                          [](void* p) noexcept { delete static_cast<std::vector<float>*>(p); });
  values.release();
  return FloatRows(data, {tokens.tokens, tokens.width}, owner);
}

nb::tuple item_of(const Model& model, const std::string& text, TokenEmbeddings tokens,
                  std::size_t prompt_size) {
  const std::string_view given = std::string_view(text).substr(prompt_size);
  const Ranges ranges = behind_prompt(std::move(tokens.offsets), prompt_size);
  const nb::tuple described = describe_tokens(model, given, tokens.ids, ranges);
  return nb::make_tuple(nb::cast(rows_of(tokens)), described[0], described[1], described[2],
                        tokens.truncated);
}

}  // namespace

nb::tuple describe_tokens(const Model& model, std::string_view text,
                          const std::vector<std::uint32_t>& ids, const Ranges& ranges) {
  nb::list names;
  for (const std::uint32_t id : ids) {
    const std::string_view name = model.token(id);
    names.append(nb::str(name.data(), name.size()));
  }
  return nb::make_tuple(ids, names, code_point_ranges(text, ranges));
}

nb::tuple embed_tokens(const Model& model, nb::sequence texts, EncodeArguments arguments) {
  check_prompt(model, arguments);
  const std::size_t prompt_size = arguments.prompt ? arguments.prompt->size() : 0;
  if (arguments.prompt) arguments.options.add_prompt = false;
  TextReader reader(std::move(texts), arguments.prompt.value_or(""));
  TokenRun run(model, std::move(arguments.options));
  nb::list out;
  std::vector<std::size_t> truncated;
  while (!reader.at_end() || !run.empty()) {
    while (run.has_room() && !reader.at_end()) {
      std::vector<std::string> next = reader.read(1, SIZE_MAX);
      const ReleasedGil release;
      run.add(std::move(next.front()));
    }
    if (!wait_for_signals(run)) continue;
    auto [text, tokens] = run.take();
    if (tokens.truncated) truncated.push_back(nb::len(out));
    out.append(item_of(model, text, std::move(tokens), prompt_size));
    if (!arguments.progress.is_none()) arguments.progress(nb::len(out));
  }
  return nb::make_tuple(out, truncated);
}

}  // namespace nestvec
