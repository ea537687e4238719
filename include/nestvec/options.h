// SPDX-License-Identifier: Apache-2.0
// What a caller chooses: one call's options.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

namespace nestvec {

class MemoryAccount;  // private to the library

// What happens to a text of more tokens than the model takes.
enum class Truncation {
  kError,  // refuse it, naming its index, its length and the limit
  kRight,  // drop its end and report it in `truncated`
  kLeft,   // drop its beginning (after the prompt and leading special tokens) and report it
};

// Who is served first when calls wait for the model.
enum class Priority {
  kAuto,         // kInteractive for a call of few tokens, kBulk for a long one
  kInteractive,  // someone waits for the answer
  kBulk,         // may wait, but never for ever: what has waited long comes first
};

// How a call stands among others that wait for the same model. The defaults suit one caller.
struct QueueOptions {
  Priority priority = Priority::kAuto;
  std::uint64_t client = 0;  // clients share the model's time evenly, however much each asks for
  // Refuse the call at once (kResourceExhausted, with ErrorDetail::retry_after) rather than let it
  // wait; 0 = no limit. The two count what is due to the call's client, so that others' calls do
  // not keep it out.
  //
  // Tokens that wait for the model. A client may have as many waiting as it leaves free, so one
  // alone half of them; bulk calls share three quarters. A longer call is refused for good, without
  // retry_after. An empty queue takes a batch whatever this says.
  std::size_t max_tokens = 0;
  // Expected wait behind the client's earlier calls, at its share of the rate measured so far.
  double max_seconds = 0;
  // Where the answer's memory is taken before the first of the call's texts runs, and given back
  // with the answer; the call ends with kResourceExhausted where there is none.
  std::shared_ptr<MemoryAccount> memory = nullptr;
};

// One call's choices. Defaults are what the model's authors recommend.
struct EmbedOptions {
  // "retrieval.query", "retrieval.passage", "separation", "classification", "text-matching", "none"
  // for the base weights, or empty for the configured default. See ModelInfo::tasks.
  std::string task = "";
  std::size_t dimensions = 0;  // 1..ModelInfo::dimensions; 0 = all. Cut first, then normalised.
  // L2; empty = as the folder of the model says, which is nearly always true.
  std::optional<bool> normalize = std::nullopt;
  bool add_prompt = true;  // prepend the task's instruction, where it has one
  // The texts are consecutive chunks of one context, pooled apart (arXiv:2409.04701). A context of
  // more tokens than the model takes is read in overlapping windows, or refused under
  // Truncation::kError.
  bool late_chunking = false;
  bool parse_special = true;  // "</s>" typed in a text is the special token, as Hugging Face does
  Truncation truncation = Truncation::kRight;
  // End the call early: looked at while texts are tokenised and between the layers of the model.
  // Errors kCancelled and kDeadlineExceeded.
  std::stop_token stop = {};
  std::optional<std::chrono::steady_clock::time_point> deadline = std::nullopt;
  QueueOptions queue = {};
};

// Choices of work on texts and tokens that needs no run of the model. `stop` and `deadline` end it
// early, with kCancelled and kDeadlineExceeded: they are looked at many times in 10 ms.
struct TokenizeOptions {
  bool add_special = true;    // with the special tokens around the text
  bool parse_special = true;  // as EmbedOptions::parse_special
  std::stop_token stop = {};
  std::optional<std::chrono::steady_clock::time_point> deadline = std::nullopt;
};
struct DecodeOptions {
  bool skip_special = true;  // leave special tokens out
  std::stop_token stop = {};
  std::optional<std::chrono::steady_clock::time_point> deadline = std::nullopt;
};

}  // namespace nestvec
