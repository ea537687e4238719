// SPDX-License-Identifier: Apache-2.0
// The modules behind the pooling at work: Dense, LayerNorm, Normalize, in the order of modules.json
// and in fp32, whatever the graph computes in.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "engine/module_step.h"
#include "ops/isa.h"

namespace nestvec {

// Works on one thread: the rows are one a text, few beside its tokens. Safe for concurrent use.
class ModuleStack {
 public:
  // Rows that go through the modules together.
  static constexpr std::size_t kRows = 64;

  // Reads the weights of the steps: model.safetensors, else pytorch_model.bin. `width` is that of a
  // pooled row. Throws Error: kNotFound (no weights), kInvalidArgument (a step that does not fit
  // behind the one before, with its config.json; a tensor of another shape), as their readers.
  ModuleStack(std::span<const ModuleStep> steps, std::size_t width, Isa isa);
  ~ModuleStack();
  ModuleStack(const ModuleStack&) = delete;
  ModuleStack& operator=(const ModuleStack&) = delete;

  std::size_t width() const noexcept;  // of a row behind the last step

  // Puts pooled rows through all steps; they change their width. What a row becomes does not depend
  // on the others.
  void run(std::span<std::vector<float>> rows) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace nestvec
