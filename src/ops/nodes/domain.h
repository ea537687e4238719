// SPDX-License-Identifier: Apache-2.0
// The operators of the domain "nestvec" as ONNX Runtime sees them.
#pragma once

#include <memory>

#include "ops/engine_context.h"

struct OrtCustomOpDomain;

namespace nestvec {

inline constexpr const char* kNodeDomain = "nestvec";

// Registered with the options of one session. It and the context must outlive that session.
class NodeDomain {
 public:
  explicit NodeDomain(EngineContext& context);
  NodeDomain(const NodeDomain&) = delete;
  NodeDomain& operator=(const NodeDomain&) = delete;
  ~NodeDomain();

  OrtCustomOpDomain* get() const noexcept;

 private:
  struct Nodes;
  std::unique_ptr<Nodes> nodes_;
};

}  // namespace nestvec
