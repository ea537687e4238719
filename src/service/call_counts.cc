// SPDX-License-Identifier: Apache-2.0
#include "service/call_counts.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

namespace nestvec {
namespace {

// Texts of one task.
struct Share {
  std::string_view task;
  std::uint64_t texts = 0;
  std::uint64_t tokens = 0;
};

std::vector<Share> shares_of(const EmbedCall& call, const Embeddings& rows,
                             std::string_view default_task) {
  const std::string_view standard =
      call.options.task.empty() ? default_task : std::string_view(call.options.task);
  std::vector<Share> shares;  // few
  for (std::size_t i = 0; i < call.texts.size(); ++i) {
    const bool own = i < call.tasks.size() && !call.tasks[i].empty();
    std::string_view task = own ? std::string_view(call.tasks[i]) : standard;
    if (task.empty()) task = "none";
    auto share = std::ranges::find(shares, task, &Share::task);
    if (share == shares.end()) share = shares.insert(share, {.task = task});
    ++share->texts;
    if (i < rows.tokens.size()) share->tokens += rows.tokens[i];
  }
  return shares;
}

std::string with_model(const Service& service, const std::string& label) {
  return service.metric_labels.empty() ? label : service.metric_labels + "," + label;
}

void count_share(const Service& service, const Share& share) {
  const std::string label = with_model(service, metric_label("task", share.task));
  service.metrics.counter("nestvec_texts_total", "Texts embedded and pairs scored, by task.", label)
      .add(share.texts);
  service.metrics
      .counter("nestvec_tokens_total",
               "Tokens of texts and pairs, by task, prompts and special tokens included.", label)
      .add(share.tokens);
}

void count_times(const Service& service, const Embeddings& took) {
  service.metrics
      .counter("nestvec_truncated_total", "Texts that were cut because they were too long.",
               service.metric_labels)
      .add(took.truncated.size());
  const auto stage = [&](std::string_view name, double seconds) {
    service.metrics
        .histogram("nestvec_stage_seconds", "Time of a call by stage.", Metrics::seconds(),
                   with_model(service, metric_label("stage", name)))
        .observe(seconds);
  };
  stage("tokenize", took.timing.tokenize);
  stage("queue", took.timing.queue);
  stage("compute", took.timing.compute);
}

}  // namespace

void count_texts(const Service& service, const EmbedCall& call, const Embeddings& took) {
  for (const Share& share : shares_of(call, took, service.model.info().default_task)) {
    count_share(service, share);
  }
  count_times(service, took);
}

void count_pairs(const Service& service, const ScoreCall& call, const Embeddings& took) {
  const auto tokens = std::accumulate(took.tokens.begin(), took.tokens.end(), std::uint64_t{0});
  count_share(service, {.task = call.documents.empty() ? "classify" : "rerank",
                        .texts = call.size(),
                        .tokens = tokens});
  count_times(service, took);
}

void count_failed_call(const Service& service, const Error& error) {
  service.metrics
      .counter("nestvec_failed_calls_total", "Calls of the model that ended with an error.",
               with_model(service, metric_label("code", error_code_name(error.code()))))
      .add();
}

}  // namespace nestvec
