// SPDX-License-Identifier: Apache-2.0
#include "bulk/model_digest.h"

#include <string_view>
#include <vector>

#include "bulk/text_digest.h"

namespace nestvec {

std::string model_digest(const Model& model) {
  const ModelInfo& info = model.info();
  std::vector<std::string_view> parts;
  for (std::size_t id = 0; id < info.vocabulary; ++id) {
    parts.push_back(model.token(static_cast<std::uint32_t>(id)));
  }
  std::vector<std::string> tasks = {"none"};
  for (const TaskInfo& task : info.tasks) {
    tasks.push_back(task.name);
    parts.push_back(task.name);
    parts.push_back(task.prompt);
  }
  const std::vector<std::string> texts(tasks.size(), "A cat sat on 3 mats, \xE7\x8C\xAB.");
  EmbedOptions options;
  options.add_prompt = false;
  options.normalize = false;
  options.dense = info.dense;
  options.sparse = !info.dense;
  const Embeddings rows = model.predict(texts, tasks, options);
  parts.emplace_back(reinterpret_cast<const char*>(rows.values.data()),
                     rows.values.size() * sizeof(float));
  const std::vector<float>& weights = rows.sparse.weights;
  if (!info.dense) {
    parts.emplace_back(reinterpret_cast<const char*>(weights.data()),
                       weights.size() * sizeof(float));
  }
  return digest_of(parts).hex();
}

}  // namespace nestvec
