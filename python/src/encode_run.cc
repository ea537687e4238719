// SPDX-License-Identifier: Apache-2.0
#include "encode_run.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

namespace nestvec {
namespace {

// A text of so many bytes a token that the model takes is as long as may be; it is not counted.
constexpr std::size_t kBytesAToken = 16;

std::string prompt_of(const ModelInfo& info, const EmbedOptions& options) {
  if (!options.add_prompt) return "";
  const std::string& name = options.task.empty() ? info.default_task : options.task;
  for (const TaskInfo& task : info.tasks) {
    if (task.name == name) return task.prompt;
  }
  return "";
}

// The error of a group, with the index of its text as the caller counts.
Error as_of_list(const Error& error, std::span<const std::size_t> indices) {
  if (!error.detail().text || *error.detail().text >= indices.size()) return error;
  const std::size_t inner = *error.detail().text;
  ErrorDetail detail = error.detail();
  detail.text = indices[inner];
  std::string message = error.what();
  const std::string name = "text " + std::to_string(inner);
  if (message.starts_with(name + " ")) {
    message.replace(0, name.size(), "text " + std::to_string(indices[inner]));
  }
  return Error(error.code(), message, detail);
}

}  // namespace

EncodeLimits encode_limits(const ModelInfo& info, std::size_t batch_tokens) {
  const std::size_t most = info.max_batch_tokens;
  if (batch_tokens == 0 || batch_tokens >= most) return {most, 2 * most, 4 * most};
  return {batch_tokens, batch_tokens, std::max(4 * batch_tokens, most)};
}

struct EncodeRun::Shared {
  std::span<float> rows;
  std::size_t width = 0;

  std::mutex mutex;  // guards what follows
  std::condition_variable changed;
  std::size_t groups = 0;  // under way
  std::size_t tokens = 0;  // of those
  std::size_t ended = 0;
  std::size_t finished = 0;
  std::vector<std::size_t> truncated;
  std::optional<Error> error;

  void keep(const Embeddings& embeddings, std::span<const std::size_t> indices) {
    for (std::size_t i = 0; i < embeddings.rows; ++i) {
      const std::span<const float> row = embeddings.row(i);
      std::copy(row.begin(), row.end(), rows.data() + indices[i] * width);
    }
    const std::lock_guard lock(mutex);
    finished += embeddings.rows;
    for (const std::uint32_t i : embeddings.truncated) truncated.push_back(indices[i]);
  }

  void end(std::size_t group_tokens, std::optional<Error> failure) {
    const std::lock_guard lock(mutex);
    if (failure && !error) error = std::move(failure);
    --groups;
    tokens -= group_tokens;
    ++ended;
    changed.notify_all();
  }
};

EncodeRun::EncodeRun(const Model& model, const EmbedOptions& options, const EncodeLimits& limits,
                     std::span<float> rows, std::size_t width)
    : model_(model),
      options_(options),
      limits_(limits),
      prompt_(prompt_of(model.info(), options)),
      shared_(std::make_shared<Shared>()) {
  options_.stop = stop_.get_token();
  shared_->rows = rows;
  shared_->width = width;
}

EncodeRun::~EncodeRun() { stop(); }

std::size_t EncodeRun::count_tokens(const std::string& text) const {
  const std::size_t most = model_.info().max_tokens;
  if (text.size() / kBytesAToken >= most) return most;
  const TokenizedText tokens = model_.tokenize(prompt_ + text, true, options_.parse_special);
  return std::min(tokens.ids.size(), most);
}

void EncodeRun::add(std::string text) {
  const std::size_t tokens = count_tokens(text);
  window_tokens_ += tokens;
  window_.push({next_index_++, std::move(text), tokens});
}

bool EncodeRun::may_queue() const {
  const std::lock_guard lock(shared_->mutex);
  if (shared_->error) return false;
  return shared_->groups == 0 || shared_->tokens + limits_.group <= limits_.ahead;
}

EncodeRun::Group EncodeRun::take_group() {
  Group group;
  for (Text& text : window_.take(limits_.group, [](const Text& t) { return t.tokens; })) {
    group.tokens += text.tokens;
    group.indices.push_back(text.index);
    group.texts.push_back(std::move(text.text));
  }
  window_tokens_ -= group.tokens;
  return group;
}

void EncodeRun::pump(bool last) {
  while (!window_.empty() && (last || !wants_text()) && may_queue()) queue(take_group());
}

void EncodeRun::queue_together(std::vector<std::string> texts) {
  Group group;
  group.texts = std::move(texts);
  for (std::size_t i = 0; i < group.texts.size(); ++i) group.indices.push_back(next_index_++);
  queue(std::move(group));
}

void EncodeRun::queue(Group group) {
  {
    const std::lock_guard lock(shared_->mutex);
    ++shared_->groups;
    shared_->tokens += group.tokens;
  }
  const auto done = [shared = shared_, tokens = group.tokens,
                     indices = std::move(group.indices)](Result<Embeddings> result) {
    if (result.ok()) {
      shared->keep(result.value(), indices);
      shared->end(tokens, std::nullopt);
    } else {
      shared->end(tokens, as_of_list(result.error(), indices));
    }
  };
  model_.predict_async(group.texts, {}, options_, done);
}

bool EncodeRun::wait(std::chrono::milliseconds limit) {
  {
    std::unique_lock lock(shared_->mutex);
    const std::size_t before = shared_->ended;
    shared_->changed.wait_for(lock, limit, [&] {
      return shared_->groups == 0 || shared_->ended != before || shared_->error;
    });
    if (!shared_->error) return shared_->groups == 0;
  }
  stop();
  throw Error(*shared_->error);
}

void EncodeRun::stop() {
  stop_.request_stop();
  std::unique_lock lock(shared_->mutex);
  shared_->changed.wait(lock, [&] { return shared_->groups == 0; });
}

std::size_t EncodeRun::finished() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->finished;
}

std::vector<std::size_t> EncodeRun::truncated() const {
  const std::lock_guard lock(shared_->mutex);
  std::vector<std::size_t> indices = shared_->truncated;
  std::sort(indices.begin(), indices.end());
  return indices;
}

}  // namespace nestvec
