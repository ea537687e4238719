// SPDX-License-Identifier: Apache-2.0
// A long list of texts through a model, with a bounded number of tokens under way: runs of full
// size are put together from a window of the list, and the rows land in one matrix. Knows nothing
// of Python.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/pack_window.h"
#include "nestvec/model.h"

namespace nestvec {

// Tokens that an EncodeRun may hold.
struct EncodeLimits {
  std::size_t group = 0;   // of the texts that are queued together; a longer text is one by itself
  std::size_t ahead = 0;   // queued and not yet computed; one group is always allowed
  std::size_t window = 0;  // read and not yet queued; one text is always allowed
};

// The limits for a model. With `batch_tokens` > 0 no run of the graph holds more tokens of the call
// than that, but for a single text that has more; 0 = as many as the model runs at once.
EncodeLimits encode_limits(const ModelInfo& info, std::size_t batch_tokens);

// For one calling thread; the model's own thread fills the rows in.
class EncodeRun {
 public:
  // `rows` has room for every text that will come, [texts, width], and lives longer than this.
  EncodeRun(const Model& model, const EmbedOptions& options, const EncodeLimits& limits,
            std::span<float> rows, std::size_t width);
  EncodeRun(const EncodeRun&) = delete;
  EncodeRun& operator=(const EncodeRun&) = delete;
  // As stop().
  ~EncodeRun();

  // True while the window has room.
  bool wants_text() const noexcept { return window_tokens_ < limits_.window; }
  // Takes the next text of the list into the window. Tokenises it.
  void add(std::string text);
  // Queues what may be queued. With `last` no text comes after, and the rest of the window need not
  // be full.
  void pump(bool last);
  // Queues all texts as they are, at once: the chunks of one context.
  void queue_together(std::vector<std::string> texts);

  // Blocks until a group is done or `limit` is over. True when none is under way. Throws Error:
  // that of the group that failed first, with its text named by its place in the list; nothing is
  // under way then.
  bool wait(std::chrono::milliseconds limit);
  // Ends what is under way and waits until it has ended.
  void stop();

  bool window_is_empty() const noexcept { return window_.empty(); }
  // Texts whose rows are there.
  std::size_t finished() const;
  // Indices of texts that lost tokens, ascending. Precondition: nothing is under way.
  std::vector<std::size_t> truncated() const;

 private:
  struct Text {
    std::size_t index = 0;
    std::string text;
    std::size_t tokens = 0;
  };
  struct Group {
    std::vector<std::size_t> indices;
    std::vector<std::string> texts;
    std::size_t tokens = 0;
  };
  struct Shared;

  std::size_t count_tokens(const std::string& text) const;
  bool may_queue() const;
  Group take_group();
  void queue(Group group);

  const Model& model_;
  EmbedOptions options_;
  EncodeLimits limits_;
  std::string prompt_;  // that the model will put before each text
  std::size_t next_index_ = 0;
  PackWindow<Text> window_;
  std::size_t window_tokens_ = 0;
  std::stop_source stop_;
  std::shared_ptr<Shared> shared_;  // with the model's thread
};

}  // namespace nestvec
